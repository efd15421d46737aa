// What an operator has paused or cancelled: state keys, looked at when a delivery is pulled, so that pausing a million
// messages is one record. `pause/all`, `pause/tenant/NAME`, `pause/stream/NAME`, `pause/domain/NAME`,
// `pause/campaign/TENANT/NAME`, `pause/pool/NAME`, `pause/route/NAME`; and sources that are drained, `drain/NAME`.
import type { MessageId } from '../flow/message.ts';
import type { QueueName, Spool } from '../flow/spool.ts';

export const PAUSE = 'pause/';
export const CANCEL = 'cancel/';
export const DRAIN = 'drain/';

export class Marks {
  /** With the reason, where it was not an operator who did it. */
  readonly #paused = new Map<string, string | undefined>();
  readonly #drained = new Set<string>();
  /** Cancelled while deliveries of them were on their way. */
  readonly #cancelled = new Set<MessageId>();

  load(spool: Spool): void {
    for (const { key, value } of spool.states(PAUSE)) this.#paused.set(key.slice(PAUSE.length), whyOf(value));
    for (const { key } of spool.states(DRAIN)) this.#drained.add(key.slice(DRAIN.length));
    for (const { key } of spool.states(CANCEL)) this.#cancelled.add(key.slice(CANCEL.length) as MessageId);
  }

  get paused(): readonly string[] {
    return [...this.#paused.keys()].toSorted();
  }

  /** Nothing is paused: no need to ask. */
  get any(): boolean {
    return this.#paused.size > 0;
  }

  /** The mark that holds this queue, which goes from this pool by this route. */
  pauseOf(queue: QueueName, pool: string, route: string): string | undefined {
    const marks = [
      'all',
      `tenant/${queue.tenant}`,
      `stream/${queue.stream}`,
      `domain/${queue.domain}`,
      `campaign/${queue.tenant}/${queue.campaign}`,
      `pool/${pool}`,
      `route/${route}`,
    ];
    return marks.find((mark) => this.#paused.has(mark));
  }

  pause(mark: string, why?: string): void {
    this.#paused.set(mark, why);
  }

  isPaused(mark: string): boolean {
    return this.#paused.has(mark);
  }

  /** Why it is paused, when it was not an operator who did it. */
  whyPaused(mark: string): string | undefined {
    return this.#paused.get(mark);
  }

  /** False: it was not paused. */
  resume(mark: string): boolean {
    return this.#paused.delete(mark);
  }

  isDrained(source: string): boolean {
    return this.#drained.size > 0 && this.#drained.has(source);
  }

  /** False: it was drained already. */
  drain(source: string): boolean {
    if (this.#drained.has(source)) return false;
    this.#drained.add(source);
    return true;
  }

  /** False: it was not drained. */
  enable(source: string): boolean {
    return this.#drained.delete(source);
  }

  get drained(): readonly string[] {
    return [...this.#drained].toSorted();
  }

  isCancelled(id: MessageId): boolean {
    return this.#cancelled.size > 0 && this.#cancelled.has(id);
  }

  cancel(id: MessageId): void {
    this.#cancelled.add(id);
  }

  forget(id: MessageId): void {
    this.#cancelled.delete(id);
  }

  get cancelled(): readonly MessageId[] {
    return [...this.#cancelled];
  }
}

function whyOf(value: unknown): string | undefined {
  const why = typeof value === 'object' && value !== null && 'why' in value ? value.why : undefined;
  return typeof why === 'string' ? why : undefined;
}
