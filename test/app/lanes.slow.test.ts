// Caps as the receivers see them: 16 sources, five providers, four egress processes, some of which are killed.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, test } from 'node:test';
import { exceeded, lanesStage, PLANS, providerOf } from '../support/lanes-stage.ts';

const cleanUps: (() => void | Promise<void>)[] = [];
const now = (): number => performance.now();

after(async () => {
  for (const run of cleanUps.toReversed()) await run();
});

test('lanes: receivers count no connection and no final dot over a cap, over four egress processes and when processes are killed', async () => {
  const { relay, receiver, submit } = await lanesStage({ after: (run) => void cleanUps.push(run) }, now);
  const running = await relay.start();
  await submit(() => 400);
  const begun = receiver.dots.length;
  while (receiver.dots.length < begun + 600) await new Promise((resolve) => setTimeout(resolve, 50));
  deepEqual(exceeded(receiver, 0), []);
  // Connections that outlive the one who granted them, and those that end with their process.
  const kill = async (name: string): Promise<void> => {
    const pid = (await relay.health()).processes.find((one) => one.name === name)?.pid ?? 0;
    ok(pid > 0, name);
    process.kill(pid, 'SIGKILL');
  };
  await kill('scheduler');
  let restarted = receiver.dots.length;
  while (receiver.dots.length < restarted + 200) await new Promise((resolve) => setTimeout(resolve, 50));
  await kill('egress-1');
  restarted = receiver.dots.length;
  while (receiver.dots.length < restarted + 200) await new Promise((resolve) => setTimeout(resolve, 50));
  deepEqual(exceeded(receiver, Infinity), [], 'connections of a former life count');
  for (const name of Object.keys(PLANS))
    ok(
      receiver.dots.some((dot) => providerOf(dot) === name),
      `${name} got mail`,
    );
  equal(new Set(receiver.dots.map(({ client }) => client)).size, 16, 'every source sent');
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
});
