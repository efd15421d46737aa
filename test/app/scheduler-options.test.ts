import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerOptionsOf } from '../../src/app/scheduler-options.ts';
import { parseDuration } from '../../src/config/units.ts';
import { referenceYaml } from '../../src/config/reference.ts';
import { configFolder, load } from '../config/folder.ts';
import { replies, takesAll, World } from '../scheduler/world.ts';

const DAY = 86_400_000;

/** As people read it. */
function documentedDelays(): readonly number[] {
  const [, list = ''] = /^#? *retry_delays: \[(.*)\]$/m.exec(referenceYaml()) ?? [];
  return list.split(', ').map((text) => {
    const parsed = parseDuration(text);
    if ('wrong' in parsed) throw new Error(parsed.wrong);
    return parsed.value;
  });
}

test('retries: a delivery that is always put off is tried when the reference says, never in step with others, until its lifetime', async (context) => {
  const options = schedulerOptionsOf(load(configFolder(context)));
  const behaviour = {
    ...takesAll,
    transact: ({ indexes }: { readonly indexes: readonly number[] }) => ({
      ms: 10,
      results: replies(indexes, 451, 'rcpt'),
      taken: [],
    }),
  };
  const delays = documentedDelays();
  equal(delays.length, 7);
  deepEqual(
    delays.toSorted((one, other) => one - other),
    delays,
    'the plan never gets more hasty',
  );
  const world = new World({ options, behaviour });
  await world.scheduler.start();
  const [pool = ''] = Object.keys(options.pools);
  const messages = Array.from({ length: 30 }, (_, n) => world.accept([`d${n}.example`], { pool, lifetimeMs: 4 * DAY }));
  await world.clock.advance(4 * DAY + 6 * 3_600_000 * 1.25);
  for (const message of messages) {
    const outcomes = world.outcomes(message);
    equal(outcomes.at(-1)?.outcome, 'expired');
    for (const [n, { at }] of outcomes.slice(1, -1).entries()) {
      const planned = delays[Math.min(n, delays.length - 1)] ?? 0;
      const waited = at - (outcomes[n]?.at ?? 0);
      // What is due goes in the same second.
      ok(waited >= 0.75 * planned && waited <= 1.25 * planned + 1000, `attempt ${n + 2} after ${waited} ms`);
    }
    ok(outcomes.length >= 15, `${outcomes.length}`);
  }
  const seconds = new Set(messages.map((message) => Math.floor((world.outcomes(message)[1]?.at ?? 0) / 1000)));
  ok(seconds.size > 20, `30 that were put off together came back in ${seconds.size} different seconds`);
  await world.end();
});
