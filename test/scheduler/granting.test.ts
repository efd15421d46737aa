// Granting that takes longer than a turn may: what was ordered leaves first, and the rest follows in its order. No time
// passes but that of the grants, so no timer and no report asks for the turns that follow.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../support/fake-clock.ts';
import type { Behaviour } from './fake-egress.ts';
import { MINUTE, OPTIONS, takesAll, World } from './world.ts';

interface Slow {
  readonly world: World;
  readonly behaviour: Behaviour;
  /** To whom connections were granted since the last look, turn by turn. */
  granted(): string[][];
}

/** Each connection that is granted takes `grantMs`. No process is attached yet. */
async function slow(grantMs: number, caps: Partial<typeof OPTIONS.caps>): Promise<Slow> {
  let turns: string[][] = [];
  const world = new World({
    egresses: 0,
    options: { ...OPTIONS, caps: { ...OPTIONS.caps, ...caps } },
    soon: (run) =>
      queueMicrotask(() => {
        turns.push([]);
        run();
      }),
  });
  const behaviour: Behaviour = {
    ...takesAll,
    connect: ({ relay: { site } }) => {
      world.clock.spend(grantMs);
      turns.at(-1)?.push(site.replace('mx.', '').replace('.example', ''));
      return { ms: 10 };
    },
  };
  await world.scheduler.start();
  const granted = (): string[][] => {
    const seen = turns.filter((turn) => turn.length > 0);
    turns = [];
    return seen;
  };
  return { world, behaviour, granted };
}

/** `x` had every connection of the host and `others` waited for one, when the process ended that held them all. */
async function bereft(connections: number, others: readonly string[]): Promise<Slow> {
  const made = await slow(5, { connections, totalConnections: connections });
  const { world, behaviour, granted } = made;
  world.attach(behaviour);
  for (let n = 0; n < connections; n++) world.accept(['x.example']);
  await settle();
  world.attach(behaviour);
  for (const site of others) world.accept([`${site}.example`]);
  await settle();
  deepEqual(granted().flat(), Array(connections).fill('x'));
  world.egresses[0]?.die(false);
  world.scheduler.detachEgress('egress-0');
  await settle();
  return made;
}

test('granting: a turn that takes long goes on in the next; nobody has a second part before all had their first', async () => {
  const { world, behaviour, granted } = await slow(3, { connections: 3 });
  for (const site of ['a', 'b', 'c']) for (let n = 0; n < 3; n++) world.accept([`${site}.example`]);
  await settle();
  world.attach(behaviour);
  await settle();
  deepEqual(granted(), [['a', 'a'], ['b', 'b'], ['c', 'c'], ['a', 'b'], ['c']]);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(), Array(9).fill('delivered'));
  await world.end();
});

test('granting: over the turns too, who waited for room goes before who has not', async () => {
  const { world, granted } = await bereft(3, ['a', 'b', 'c']);
  deepEqual(granted(), [['a'], ['b'], ['c']]);
  await world.clock.advance(10 * MINUTE);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 6);
  await world.end();
});

test('granting: however many are called, the others have a turn after ten', async () => {
  const others = Array.from({ length: 13 }, (_, n) => `w${n}`);
  const { world, granted } = await bereft(13, others);
  deepEqual(granted().flat(), [...others.slice(0, 10), 'x', ...others.slice(10, 12)]);
  await world.clock.advance(10 * MINUTE);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 26);
  await world.end();
});
