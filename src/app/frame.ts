// How records stand on a channel: frames of a u32 length (big endian, without itself) and that many octets of JSON, an
// array of records. Pure: octets in, records out; how the octets are cut makes no difference.

/** What came is not ours: another version, or a broken peer. The channel is closed for it. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** A peer must not be able to fill our memory; the largest honest frame is an egress hello with every session busy. */
export const FRAME_OCTETS_MAX = 64 * 1024 * 1024;
/** Records of one frame: one JSON call for many is half the work of one for each, and a burst is parsed in pieces. */
const FRAME_RECORDS = 128;
const LENGTH_OCTETS = 4;

/** All records in few frames, in order. Throws FrameError for a record that no frame can hold. */
export function* encodeFrames(records: readonly unknown[], octetsMax: number = FRAME_OCTETS_MAX): Generator<Buffer> {
  for (let at = 0; at < records.length; at += FRAME_RECORDS) {
    yield* encodeSome(records.length <= FRAME_RECORDS ? records : records.slice(at, at + FRAME_RECORDS), octetsMax);
  }
}

function* encodeSome(records: readonly unknown[], octetsMax: number): Generator<Buffer> {
  const text = JSON.stringify(records);
  const octets = Buffer.byteLength(text);
  if (octets > octetsMax) {
    if (records.length === 1) throw new FrameError(`a record of ${octets} octets is over the bound of a frame`);
    const half = records.length >> 1;
    yield* encodeSome(records.slice(0, half), octetsMax);
    yield* encodeSome(records.slice(half), octetsMax);
    return;
  }
  const frame = Buffer.allocUnsafe(LENGTH_OCTETS + octets);
  frame.writeUInt32BE(octets, 0);
  frame.write(text, LENGTH_OCTETS, 'utf8');
  yield frame;
}

export class FrameReader {
  readonly #octetsMax: number;
  /** What has come of a frame that is not whole yet. Joined once, when it is. */
  #parts: Buffer[] = [];
  #held = 0;
  /** Octets needed before anything can be done with #parts. */
  #needed = LENGTH_OCTETS;

  constructor(octetsMax: number = FRAME_OCTETS_MAX) {
    this.#octetsMax = octetsMax;
  }

  /** The frames that are whole now, in order. Throws FrameError; of no use afterwards. */
  read(chunk: Buffer): readonly (readonly unknown[])[] {
    this.#parts.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return [];
    const octets = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#held);
    const frames: (readonly unknown[])[] = [];
    let at = 0;
    this.#needed = LENGTH_OCTETS;
    while (octets.length - at >= LENGTH_OCTETS) {
      const length = octets.readUInt32BE(at);
      if (length > this.#octetsMax) throw new FrameError(`a frame of ${length} octets is over the bound`);
      const end = at + LENGTH_OCTETS + length;
      if (end > octets.length) {
        this.#needed = LENGTH_OCTETS + length;
        break;
      }
      frames.push(parse(octets.toString('utf8', at + LENGTH_OCTETS, end)));
      at = end;
    }
    this.#parts = at < octets.length ? [octets.subarray(at)] : [];
    this.#held = octets.length - at;
    return frames;
  }
}

function parse(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FrameError('a frame is not JSON', { cause: error });
  }
  if (!Array.isArray(value)) throw new FrameError('a frame is not an array of records');
  return value;
}
