// What makes two submissions with one idempotency key the same: the reverse-path and the set of forward-paths
// (DESIGN section 3). The content is not compared: a mail library makes new dates and boundaries on a retry.
import { createHash } from 'node:crypto';

export function envelopeDigest(reversePath: string, forwardPaths: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([reversePath, ...forwardPaths.toSorted()]))
    .digest('hex');
}
