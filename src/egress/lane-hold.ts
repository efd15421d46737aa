// Lanes of this process on which nothing may begin: a refusal was read that may be about the pace, and the scheduler has
// not taken it in. So no transaction follows a throttling reply at the old pace, not even by what was granted before.
// Decides nothing about what the reply means: the scheduler recalls, closes or leaves be, then acknowledges.
import type { TakenId } from '../flow/attempt.ts';
import type { Reply } from '../flow/reply.ts';

/** One that waits for its lane. */
export interface Held {
  proceed(): void;
}

/** Ids of refusals, each the attempt or the session that was refused; as many as transactions can be open. */
export class LaneHolds {
  readonly #held = new Map<string, Set<TakenId>>();
  readonly #laneOf = new Map<TakenId, string>();
  readonly #sessions = new Map<string, Set<Held>>();

  join(lane: string, session: Held): void {
    const sessions = this.#sessions.get(lane);
    if (sessions === undefined) this.#sessions.set(lane, new Set([session]));
    else sessions.add(session);
  }

  leave(lane: string, session: Held): void {
    const sessions = this.#sessions.get(lane);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#sessions.delete(lane);
  }

  isHeld(lane: string): boolean {
    return this.#held.size > 0 && this.#held.has(lane);
  }

  hold(lane: string, refused: TakenId): void {
    this.#laneOf.set(refused, lane);
    const ids = this.#held.get(lane);
    if (ids === undefined) this.#held.set(lane, new Set([refused]));
    else ids.add(refused);
  }

  /** The last refusal of a lane is taken in: its sessions go on. */
  release(refused: TakenId): void {
    const lane = this.#laneOf.get(refused);
    if (lane === undefined) return;
    this.#laneOf.delete(refused);
    const ids = this.#held.get(lane);
    ids?.delete(refused);
    if (ids?.size !== 0) return;
    this.#held.delete(lane);
    for (const session of Array.from(this.#sessions.get(lane) ?? [])) session.proceed();
  }

  releaseBut(isKept: (refused: string) => boolean): void {
    for (const refused of Array.from(this.#laneOf.keys())) if (!isKept(refused)) this.release(refused);
  }
}

/** A refusal; subjects 1 and 2 are about an address or a mailbox, never about us (RFC 3463 sections 3.2 and 3.3). */
export function mayBeAboutPace(reply: Reply | undefined): boolean {
  return reply !== undefined && reply.code >= 400 && !/^[45]\.[12]\./.test(reply.enhanced ?? '');
}
