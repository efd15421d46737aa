import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import type { Message, MessageId } from '../../src/flow/message.ts';
import { Greylisted } from '../../src/scheduler/greylisted.ts';
import type { Pulled } from '../../src/scheduler/pulling.ts';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, OPTIONS, takesAll, World } from './world.ts';

const NAMES = ['a', 'b', 'c', 'd'];

const FOUR: SchedulerOptions = {
  ...OPTIONS,
  sources: Object.fromEntries(NAMES.map((name) => [name, { name, ehlo: `${name}.example` }])),
  pools: { default: { members: NAMES.map((source) => ({ source, weight: 1 })) } },
};

/** Lets in who was refused before: the same source for the same message. */
function greylisting(): Behaviour {
  const refused = new Set<string>();
  return {
    ...takesAll,
    transact(attempt, message, grant) {
      const triple = `${grant?.source.name} ${message.id}`;
      if (refused.has(triple)) return takesAll.transact(attempt, message, grant);
      refused.add(triple);
      const reply = { code: 451, enhanced: '4.7.1', lines: ['Greylisted, please try again later'] };
      return { ms: 10, results: attempt.indexes.map((index) => ({ index, decidedAt: 'rcpt', reply })), taken: [] };
    },
  };
}

function sourcesOf(world: World, message: Message): readonly (string | undefined)[] {
  return world.outcomes(message).map(({ source }) => source);
}

test('greylisted: each delivery goes by the source that was refused, and is taken at its second attempt', async () => {
  const world = new World({ options: FOUR, behaviour: greylisting() });
  await world.scheduler.start();
  const messages = Array.from({ length: 40 }, () => world.accept(['x.example']));
  await world.clock.advance(HOUR);
  const used = new Set<string | undefined>();
  for (const message of messages) {
    deepEqual(world.kinds(message), ['deferred', 'delivered']);
    const [first, second] = sourcesOf(world, message);
    equal(second, first);
    used.add(first);
  }
  equal(used.size, NAMES.length, 'all of them had something to remember');
  await world.end();
});

test('greylisted: a source that may not send any more holds nothing back', async () => {
  const world = new World({ options: FOUR, behaviour: greylisting() });
  await world.scheduler.start();
  const message = world.accept(['x.example']);
  await world.clock.advance(1000);
  const [first = ''] = sourcesOf(world, message);
  ok(NAMES.includes(first));
  await world.scheduler.operations.drain(first, 'operator');
  await world.clock.advance(HOUR);
  const sources = sourcesOf(world, message);
  deepEqual(world.kinds(message), ['deferred', 'deferred', 'delivered']);
  ok(sources[1] !== first);
  equal(sources[2], sources[1], 'and the new one is remembered');
  await world.end();
});

test('greylisted: what is remembered is bounded, and forgotten with the next outcome', () => {
  const greylisted = new Greylisted(2);
  const event = (id: string, outcome: string, actions: readonly string[]): OutcomeEvent =>
    ({ messageId: id, index: 0, outcome, actions, source: 'a' }) as unknown as OutcomeEvent;
  const sourceOf = (id: string): string | undefined =>
    greylisted.sourceOf({ queued: { message: { id: id as MessageId } }, indexes: [0] } as unknown as Pulled);
  for (const id of ['1', '2', '3']) greylisted.follow(event(id, 'deferred', ['retry greylist']));
  deepEqual(['1', '2', '3'].map(sourceOf), [undefined, 'a', 'a']);
  greylisted.follow(event('2', 'deferred', ['retry normal']));
  greylisted.follow(event('3', 'delivered', []));
  deepEqual(['2', '3'].map(sourceOf), [undefined, undefined]);
});
