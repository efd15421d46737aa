// The content of one message on its way in: kept in memory in few blocks while it is small and memory is not short,
// else in a file of its own. Counts and hashes it on the way. Never touches an octet.
import { isAscii } from 'node:buffer';
import { createHash, type Hash, hash } from 'node:crypto';
import type { MessageId } from '../flow/message.ts';
import type { MessageWriter, Staged } from '../flow/spool.ts';
import { isRelaxedAlready, RelaxedBodyHash } from '../mail/relaxed-body.ts';
import { BodyHash, simpleBody } from './body-hash.ts';

/** Octets of content that all sessions of a process hold in memory. */
export class MemoryBudget {
  #used = 0;
  limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  get used(): number {
    return this.#used;
  }
  /** Always counts; false when that is more than there should be. */
  take(octets: number): boolean {
    this.#used += octets;
    return this.#used <= this.limit;
  }
  give(octets: number): void {
    this.#used -= octets;
  }
}

export interface ContentResult {
  readonly size: number;
  /** hex */
  readonly sha256: string;
  /** base64 */
  readonly bodySha256: string;
  /** base64; when it was asked for. */
  readonly bodyRelaxedSha256?: string;
  readonly has8bit: boolean;
  readonly octets: readonly Buffer[] | Staged;
}

/** Smaller pieces are copied together once there are this many, so that a storm of dots or of tiny segments costs octets, not objects. */
const PIECES_FREE = 16;
const PIECE_SMALL = 2048;
const BLOCK_OCTETS = 32 * 1024;
/** Up to here hashing in one go is cheaper than in steps. */
const ONE_GO_OCTETS = 48 * 1024;

interface Hashes {
  readonly content: Hash;
  readonly body: BodyHash;
  readonly relaxed?: RelaxedBodyHash;
}

export class Content {
  readonly #writer: MessageWriter;
  readonly #budget: MemoryBudget;
  readonly #memoryMax: number;
  readonly #id: MessageId;
  #blocks: Buffer[] = [];
  /** The last block is being filled up to here. */
  #tailUsed = 0;
  #tail: Buffer | undefined;
  #held = 0;
  #size = 0;
  #headSize = 0;
  #wantsRelaxed = false;
  #has8bit = false;
  #hashes: Hashes | undefined;
  #hashedBlocks = 0;
  #hashedOctets = 0;
  #short = false;
  #staged: Staged | undefined;

  constructor(id: MessageId, writer: MessageWriter, budget: MemoryBudget, memoryMax: number) {
    this.#id = id;
    this.#writer = writer;
    this.#budget = budget;
    this.#memoryMax = memoryMax;
  }

  /** The header section, everything before the body. Called once, first. `wantsRelaxed`: also that hash of the body. */
  head(pieces: readonly Buffer[], has8bit: boolean, wantsRelaxed: boolean): void {
    this.#wantsRelaxed = wantsRelaxed;
    this.#headSize = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#has8bit = has8bit;
    for (const piece of pieces) this.#keep(piece);
    this.#closeTail();
  }

  body(piece: Buffer): void {
    if (!this.#has8bit && !isAscii(piece)) this.#has8bit = true;
    this.#keep(piece);
  }

  get size(): number {
    return this.#size;
  }

  /** True when `spill` must be awaited before more is read. */
  get mustSpill(): boolean {
    return this.#held > 0 && (this.#staged !== undefined || this.#short || this.#held > this.#memoryMax);
  }

  /** Moves what is held to a file. Rejects with SpoolFull; then only `discard` may follow. */
  async spill(): Promise<void> {
    this.#closeTail();
    this.#hashBlocks();
    this.#staged ??= await this.#writer.stage(this.#id);
    for (const block of this.#blocks) await this.#staged.write(block);
    this.#forget();
  }

  /** Nothing more comes. In memory or spilled as it is. */
  finish(): ContentResult {
    this.#closeTail();
    if (this.#hashes !== undefined || this.#staged !== undefined || this.#size > ONE_GO_OCTETS) {
      const { content, body, relaxed } = this.#hashBlocks();
      const octets = this.#staged ?? this.#blocks;
      return this.#result(content.digest('hex'), body.digest(), relaxed?.digest(), octets);
    }
    const whole = this.#blocks.length === 1 && this.#blocks[0] ? this.#blocks[0] : Buffer.concat(this.#blocks);
    const body = whole.subarray(this.#headSize);
    const simple = simpleBody(body);
    const bodySha256 = hash('sha256', simple, 'base64');
    const relaxed = this.#wantsRelaxed ? relaxedHash(body, simple, bodySha256) : undefined;
    return this.#result(hash('sha256', whole, 'hex'), bodySha256, relaxed, [whole]);
  }

  /** The record is written, or will never be: memory is given back, and a staged file removed unless `kept`. Idempotent. */
  async release(kept: boolean): Promise<void> {
    this.#forget();
    const staged = this.#staged;
    this.#staged = undefined;
    if (!kept) await staged?.discard();
  }

  #result(
    sha256: string,
    bodySha256: string,
    bodyRelaxedSha256: string | undefined,
    octets: readonly Buffer[] | Staged,
  ): ContentResult {
    const relaxed = bodyRelaxedSha256 !== undefined && { bodyRelaxedSha256 };
    return { size: this.#size, sha256, bodySha256, ...relaxed, has8bit: this.#has8bit, octets };
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length;
    this.#held += piece.length;
    if (!this.#budget.take(piece.length)) this.#short = true;
    if (piece.length >= PIECE_SMALL || this.#blocks.length < PIECES_FREE) {
      this.#closeTail();
      this.#blocks.push(piece);
    } else this.#copy(piece);
    if (this.#size - this.#hashedOctets > ONE_GO_OCTETS) this.#hashBlocks();
  }

  #copy(piece: Buffer): void {
    if (this.#tail === undefined || this.#tailUsed + piece.length > this.#tail.length) {
      this.#closeTail();
      this.#tail = Buffer.allocUnsafeSlow(BLOCK_OCTETS);
    }
    piece.copy(this.#tail, this.#tailUsed);
    this.#tailUsed += piece.length;
  }

  #closeTail(): void {
    if (this.#tail !== undefined) this.#blocks.push(this.#tail.subarray(0, this.#tailUsed));
    this.#tail = undefined;
    this.#tailUsed = 0;
  }

  /** Hashes the blocks that are closed and not hashed yet. */
  #hashBlocks(): Hashes {
    this.#hashes ??= {
      content: createHash('sha256'),
      body: new BodyHash(),
      ...(this.#wantsRelaxed && { relaxed: new RelaxedBodyHash() }),
    };
    for (; this.#hashedBlocks < this.#blocks.length; this.#hashedBlocks++) {
      const block = this.#blocks[this.#hashedBlocks];
      if (block === undefined) break;
      this.#hashes.content.update(block);
      if (this.#hashedOctets >= this.#headSize) {
        this.#hashes.body.update(block);
        this.#hashes.relaxed?.update(block);
      }
      this.#hashedOctets += block.length;
    }
    return this.#hashes;
  }

  #forget(): void {
    this.#budget.give(this.#held);
    this.#held = 0;
    this.#blocks = [];
    this.#hashedBlocks = 0;
    this.#tail = undefined;
    this.#tailUsed = 0;
  }
}

/** Most bodies have one form: then it is hashed once. */
function relaxedHash(body: Buffer, simple: Buffer, simpleHash: string): string {
  // RFC 6376 section 3.4.4: a body without text is empty in relaxed form, and one CRLF in simple form.
  if (simple.length > 2 && isRelaxedAlready(simple)) return simpleHash;
  const relaxed = new RelaxedBodyHash();
  relaxed.update(body);
  return relaxed.digest();
}
