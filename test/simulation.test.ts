// The whole pipeline from acceptance to outcome on a fake clock, with faults drawn from a seed. Every run must keep
// what the relay promises; the seed stands in the message of what fails.
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { OutcomeEvent } from '../src/flow/event.ts';
import { FAULTY_OPTIONS, FaultyWorld } from './scheduler/faulty.ts';

const SEEDS = 50;

/** What went against the promises in one run; `seen`: what happened in it. */
async function broken(seed: number, seen: Set<string>): Promise<string[]> {
  const world = new FaultyWorld(seed);
  await world.start();
  await world.run();
  await world.stop();
  const found = [...world.wire.violations, ...(world.wire.watch?.violations ?? [])];
  const holds = (condition: boolean, what: string): void => {
    if (!condition) found.push(what);
  };
  const byDelivery = new Map<string, OutcomeEvent[]>();
  for (const event of world.outcomes()) {
    const key = `${event.messageId}/${event.index}`;
    seen.add(event.outcome);
    if (event.mayHaveBeenDelivered === true) seen.add('unsure');
    if (event.error?.kind === 'lost') seen.add('lost');
    byDelivery.set(key, [...(byDelivery.get(key) ?? []), event]);
  }
  for (const message of world.messages) {
    for (const index of message.forwardPaths.keys()) {
      const key = `${message.id}/${index}`;
      const events = byDelivery.get(key) ?? [];
      const ends = events.filter((event) => event.outcome !== 'deferred');
      holds(ends.length === 1, `${key} ended ${ends.length} times`);
      holds(events.at(-1) === ends[0], `${key} went on after its end`);
      const end = ends[0];
      if (end === undefined) continue;
      const copies = world.wire.copies.get(key) ?? 0;
      const unsure =
        events.filter((event) => event.mayHaveBeenDelivered === true).length + (world.doubts.get(key) ?? 0);
      if (end.outcome === 'delivered' && end.rule !== 'drop') holds(copies >= 1, `${key} is delivered, nobody has it`);
      holds(copies <= 1 + unsure, `${key} was sent ${copies} times, ${unsure} were unsure`);
      if (end.outcome !== 'delivered') holds(copies <= unsure, `${key} is ${end.outcome}, yet somebody has it`);
      if (FAULTY_OPTIONS.streams[message.stream]?.duplicates === 'never') holds(copies <= 1, `${key} has two copies`);
      const grace = 60_000 + (world.hasReprieves ? FAULTY_OPTIONS.limits.lastAttemptMs : 0);
      const over = message.acceptedAt + message.lifetimeMs + grace;
      if (!world.hasSteps) holds(end.at <= over, `${key} outlived its lifetime by ${end.at - over} ms`);
    }
  }
  if (world.wire.refused > 0) seen.add('capped');
  if (world.crashes > 0) seen.add('crash');
  if (world.hasSteps) seen.add('step');
  if (world.reloads > 0) seen.add('reload');
  holds(world.spool.counts.deliveries === 0, `${world.spool.counts.deliveries} still wait`);
  holds(world.spool.states('intent/').length === 0, 'an intent is left');
  holds(world.spool.states('cancel/').length === 0, 'a cancel mark is left');
  holds(world.spool.states('cancelled/').length === 0, 'a cancelled campaign is still being removed');
  holds(world.unacknowledged === 0, 'a report is not acknowledged');
  holds(world.wire.sessions === 0, 'a session is open after the stop');
  holds(world.clock.pending === 0, 'a timer is left');
  return found;
}

test(`simulation: ${SEEDS} seeds of faults, and every delivery ends exactly once`, async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) deepEqual(await broken(seed, seen), [], `seed ${seed}`);
  // The faults were there.
  const want = [
    'cancelled',
    'capped',
    'crash',
    'deferred',
    'delivered',
    'expired',
    'failed',
    'lost',
    'reload',
    'step',
    'unknown',
    'unsure',
  ];
  deepEqual([...seen].toSorted(), want);
});
