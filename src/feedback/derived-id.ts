// Ids of reports: derived from what they are about, so that a report which is made again has the same one, and is kept
// once. Nobody outside can know them: they come from ids that nobody can guess.
import { createHash } from 'node:crypto';
import { encodeId } from '../flow/message-id.ts';
import type { MessageId } from '../flow/message.ts';

/** `at`: ms since 1970; the id sorts by it. `about`: what makes it the only one. */
export function derivedId(at: number, about: readonly string[]): MessageId {
  const digest = createHash('sha256')
    .update(['report', at, ...about].join('\0'))
    .digest();
  const octets = Buffer.concat([Buffer.alloc(6), digest.subarray(0, 10)]);
  octets.writeUIntBE(Math.max(0, Math.floor(at)) % 2 ** 48, 0, 6);
  return encodeId(octets) as MessageId;
}
