// How long a message may wait. Pure.
import type { Message } from '../flow/message.ts';

/** ms since 1970, by the wall clock. */
export function expiresAt(message: Pick<Message, 'acceptedAt' | 'lifetimeMs'>): number {
  return message.acceptedAt + message.lifetimeMs;
}

/**
 * After a start, or a step of the wall clock, what was past its lifetime at `stepAt` is spared until `until`, so that
 * it gets one last attempt: nobody could try it while we were away (DESIGN section 5).
 */
export interface Reprieve {
  readonly stepAt: number;
  readonly until: number;
}

export function isOver(expiry: number, now: number, reprieve: Reprieve | undefined): boolean {
  if (expiry > now) return false;
  return reprieve === undefined || now >= reprieve.until || expiry > reprieve.stepAt;
}
