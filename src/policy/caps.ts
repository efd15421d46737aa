// What a lane may do now. Pure: (caps, counts) → answer; a cap refuses, it never fails anything.

/** Transactions that may be granted to a session and not be over: the one in its window and one behind it. */
export const WINDOW = 1;
export const GRANTS_PER_SESSION = WINDOW + 1;

/** A probe is one transaction on one connection. */
export function grantsMax(probing: boolean): number {
  return probing ? 1 : GRANTS_PER_SESSION;
}

/**
 * While more outcomes are unsynced than transactions are open nothing is granted: what a stalled disk may lose must
 * stay bounded by what a crash may repeat anyway (DESIGN section 3).
 */
export function mayGrant(unsynced: number, transactionsOpen: number, unsyncedMin: number): boolean {
  return unsynced <= Math.max(unsyncedMin, transactionsOpen);
}
