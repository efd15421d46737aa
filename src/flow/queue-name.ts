// Which queue a delivery waits in. Pure; the spool, its twin and the scheduler name queues by these functions alone.
import type { Message } from './message.ts';
import type { QueueName } from './spool.ts';

/** Absent pool and campaign are ''. */
export function queueOf(message: Message, index: number): QueueName {
  const path = message.forwardPaths[index];
  if (path === undefined) throw new RangeError(`message ${message.id} has no forward-path ${index}`);
  return {
    pool: message.pool ?? '',
    domain: path.domain,
    stream: message.stream,
    tenant: message.tenant,
    campaign: message.campaign ?? '',
    ...(message.byFrom === true && message.fromDomain !== undefined && { from: message.fromDomain }),
  };
}

/** One string for a queue: equal for equal names. None of the parts can contain a NUL. */
export function queueKey(queue: QueueName): string {
  const key = `${queue.pool}\0${queue.domain}\0${queue.stream}\0${queue.tenant}\0${queue.campaign}`;
  return queue.from === undefined ? key : `${key}\0${queue.from}`;
}
