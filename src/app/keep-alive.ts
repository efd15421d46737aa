// Keeps a process alive that waits for timers alone (those of base/clock.ts do not): a supervisor whose children are
// all down, a stop that waits for a deadline.
import { MessageChannel } from 'node:worker_threads';

/** Until `release` is called. Idempotent. */
export function keepAlive(): { release(): void } {
  const { port1 } = new MessageChannel();
  // A port with a listener counts as something to wait for.
  port1.on('message', () => {});
  return { release: () => port1.close() };
}
