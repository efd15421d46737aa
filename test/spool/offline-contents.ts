// All that a spool says while no relay runs, as plain values that can be compared.
import { type OfflineOptions, viewSpool } from '../../src/spool/offline.ts';
import { queueKey } from '../../src/flow/queue-name.ts';
import { allIds } from '../../src/spool/verify.ts';

/**
 * `isPlaced` false: without where records lie. Of several records of one message any will do; which one is found depends
 * on the order of the files' names, and histories on a clock that stands still make them in one millisecond.
 */
export async function contents(options: OfflineOptions, isPlaced = true): Promise<unknown> {
  const view = await viewSpool(options);
  try {
    const { overlay } = view;
    const messages = [...allIds(view)].map((id) => overlay.message(id)!);
    const shown = isPlaced ? messages : messages.map(({ location: _, ...rest }) => rest);
    const claims = messages.map((one) => {
      const key = one.message.idempotencyKey;
      return key === undefined ? undefined : overlay.states.claim(one.message.user, key, options.clock.now());
    });
    const queues = [...overlay.queues.summaries()].map(
      ({ queue, waiting, firstDueAt }) => `${queueKey(queue)} ${waiting} ${firstDueAt}`,
    );
    const states = overlay.states.list('');
    const alarms = overlay.states.alarms(options.clock.now());
    const live = overlay.segments.all().map(({ name, live: count, liveOctets }) => [name, count, liveOctets]);
    const segments = isPlaced ? live.filter(([, count]) => count !== 0).toSorted() : [];
    return { messages: shown, claims, queues: queues.toSorted(), states, alarms, segments, damaged: view.damaged };
  } finally {
    await view.close();
  }
}
