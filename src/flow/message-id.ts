// Message ids: 48 bits of time, 80 random bits, lower-case Crockford base32. They sort by time and cannot be guessed.
import type { Random } from '../base/random.ts';
import type { MessageId } from './message.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** 16 octets as 26 characters: 130 bits, the first two zero. */
export function encodeId(octets: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 2; // two zero bits in front
  for (const octet of octets) {
    bits = (bits << 8) | octet;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += ALPHABET[(bits >>> held) & 31];
      bits &= (1 << held) - 1;
    }
  }
  return text;
}

/** The 16 octets of an id. Throws RangeError when `id` is not one. */
export function decodeId(id: string): Uint8Array {
  if (!ID.test(id)) throw new RangeError(`not a message id: ${id.slice(0, 40)}`);
  const octets = new Uint8Array(16);
  let bits = 0;
  let held = -2;
  let at = 0;
  for (const character of id) {
    bits = (bits << 5) | ALPHABET.indexOf(character);
    held += 5;
    if (held >= 8) {
      held -= 8;
      octets[at++] = (bits >>> held) & 255;
      bits &= (1 << held) - 1;
    }
  }
  return octets;
}

/** `now`: ms since 1970. */
export function newMessageId(now: number, random: Random): MessageId {
  const octets = random.bytes(16);
  const view = new DataView(octets.buffer, octets.byteOffset, 16);
  view.setUint16(0, Math.floor(now / 2 ** 32) & 0xffff);
  view.setUint32(2, now % 2 ** 32);
  return encodeId(octets) as MessageId;
}

export function parseMessageId(text: string): MessageId | undefined {
  const lower = text.toLowerCase();
  return ID.test(lower) ? (lower as MessageId) : undefined;
}

/** ms since 1970 at which the id was made. */
export function timeOfId(id: MessageId): number {
  const octets = decodeId(id);
  const view = new DataView(octets.buffer, octets.byteOffset, 16);
  return view.getUint16(0) * 2 ** 32 + view.getUint32(2);
}
