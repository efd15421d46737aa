// What every spool promises (src/flow/spool.ts), once for the disk spool and once for its memory twin. Each test runs
// twice: with a checkpoint behind every step, and with none, since where a row stands must never show.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalEvent, OutcomeEvent, StateEvent } from '../../src/flow/event.ts';
import type { Accepted, Domain, Message } from '../../src/flow/message.ts';
import { queueOf } from '../../src/flow/queue-name.ts';
import { CLAIM_MS, type Due, type Spool } from '../../src/flow/spool.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { HOUR, mail, outcome, strangerId, T0 } from './mail.ts';

export interface SpoolUnderTest {
  readonly spool: Spool;
  readonly clock: FakeClock;
  /** Writes the message durably, as submission does, without telling the spool. */
  put(message: Message): Promise<Accepted>;
  close(): Promise<void>;
}

interface Steps {
  readonly spool: Spool;
  readonly clock: FakeClock;
  put(message: Message): Promise<Accepted>;
  accept(message: Message): Promise<Accepted>;
  record(events: readonly JournalEvent[]): Promise<readonly boolean[]>;
}

/** `make` opens an empty, started spool whose clock stands at T0. */
export function spoolContract(name: string, make: () => Promise<SpoolUnderTest>): void {
  const promise = (what: string, run: (steps: Steps) => Promise<void>): void => {
    for (const isCheckpointed of [false, true]) {
      test(`${name}${isCheckpointed ? ' with checkpoints' : ''}: ${what}`, async () => {
        const tested = await make();
        try {
          await run(stepsOf(tested, isCheckpointed));
        } finally {
          await tested.close();
        }
      });
    }
  };
  queueing(promise);
  settling(promise);
  keeping(promise);
}

type PromiseTest = (what: string, run: (steps: Steps) => Promise<void>) => void;

function stepsOf({ spool, clock, put }: SpoolUnderTest, isCheckpointed: boolean): Steps {
  const after = async (): Promise<void> => {
    if (isCheckpointed) await spool.checkpoint();
  };
  return {
    spool,
    clock,
    put,
    async accept(message) {
      const accepted = await put(message);
      spool.accept(accepted);
      await after();
      return accepted;
    },
    async record(events) {
      const written = spool.record(events);
      await after();
      return written;
    },
  };
}

function queueing(promise: PromiseTest): void {
  promise('messages told apart by their From domain wait apart, and are deferred there', async (steps) => {
    const { spool, accept, record } = steps;
    const fromDomain = 'brand.example' as Domain;
    const plain = mail(['a@one.example'], { fromDomain });
    const apart = mail(['a@one.example'], { fromDomain, byFrom: true });
    await accept(plain);
    await accept(apart);
    const queue = queueOf(apart, 0);
    assert.deepEqual(queue, { ...queueOf(plain, 0), from: fromDomain });
    await record([outcome(apart, 0, 'deferred', { nextAttemptAt: T0 + HOUR })]);
    assert.deepEqual(
      spool.due(queue, 9).map(({ messageId, dueAt }) => [messageId, dueAt]),
      [[apart.id, T0 + HOUR]],
    );
    assert.deepEqual(
      spool.due(queueOf(plain, 0), 9).map(({ messageId }) => messageId),
      [plain.id],
    );
    const names = [...spool.queues()].map((summary) => summary.queue.from);
    assert.deepEqual(names.toSorted(), [fromDomain, undefined]);
  });
  promise('what is accepted waits in the queue of each forward-path', async ({ spool, accept }) => {
    const message = mail(['a@one.example', 'b@two.example', 'c@one.example'], { campaign: 'spring' });
    const { location } = await accept(message);
    const queue = queueOf(message, 0);
    assert.deepEqual(spool.due(queue, 9), [
      { dueAt: T0, messageId: message.id, index: 0 },
      { dueAt: T0, messageId: message.id, index: 2 },
    ]);
    assert.deepEqual(
      [...spool.queues()]
        .toSorted((a, b) => (a.queue.domain < b.queue.domain ? -1 : 1))
        .map((summary) => [summary.queue, summary.waiting, summary.firstDueAt]),
      [
        [queue, 2, T0],
        [queueOf(message, 1), 1, T0],
      ],
    );
    assert.deepEqual(spool.counts, { deliveries: 3, messages: 1 });
    const queued = spool.message(message.id);
    assert.deepEqual(queued?.message, message);
    assert.deepEqual(queued?.location, location);
    assert.equal(queued?.expiresAt, T0 + 96 * HOUR);
    assert.deepEqual(
      queued?.waiting.map((waiting) => [waiting.index, waiting.dueAt, waiting.attempts]),
      [0, 1, 2].map((index) => [index, T0, 0]),
    );
  });

  promise('a record told twice is taken once, also when its message is over', async ({ spool, accept, record }) => {
    const message = mail(['a@one.example']);
    const accepted = await accept(message);
    spool.accept(accepted);
    assert.deepEqual(spool.counts, { deliveries: 1, messages: 1 });
    await record([outcome(message, 0, 'delivered')]);
    spool.accept(accepted);
    assert.deepEqual(spool.counts, { deliveries: 0, messages: 0 });
    assert.equal(spool.message(message.id), undefined);
  });

  promise('a queue is in order of instant, id and index, and can be read on', async ({ spool, accept }) => {
    const late = mail(['a@one.example'], { notBefore: T0 + 5000 });
    const pair = mail(['a@one.example', 'b@one.example'], { acceptedAt: T0 + 1 });
    const early = mail(['a@one.example']);
    for (const message of [late, pair, early]) await accept(message);
    const wanted: Due[] = [
      { dueAt: T0, messageId: early.id, index: 0 },
      { dueAt: T0 + 1, messageId: pair.id, index: 0 },
      { dueAt: T0 + 1, messageId: pair.id, index: 1 },
      { dueAt: T0 + 5000, messageId: late.id, index: 0 },
    ];
    const queue = queueOf(late, 0);
    assert.deepEqual(spool.due(queue, 9), wanted);
    assert.deepEqual(spool.due(queue, 2), wanted.slice(0, 2));
    for (const [at, due] of wanted.entries()) assert.deepEqual(spool.due(queue, 9, due), wanted.slice(at + 1));
    assert.deepEqual(spool.due(queue, 9, { ...(wanted[0] as Due), index: 1 }), wanted.slice(1));
  });

  promise('a queue is named by all its parts', async ({ spool, accept }) => {
    const plain = mail(['a@one.example']);
    const others = [{ pool: 'p' }, { stream: 's' }, { tenant: 't' }, { campaign: 'c' }];
    for (const message of [plain, ...others.map((part) => mail(['a@one.example'], part))]) {
      await accept(message);
    }
    assert.equal([...spool.queues()].length, 5);
    assert.equal(spool.due(queueOf(plain, 0), 9).length, 1);
  });

  promise('ids come in order and can be read on', async ({ spool, accept }) => {
    const messages = [3, 1, 2].map((second) => mail(['a@one.example'], { acceptedAt: T0 + second * 1000 }));
    for (const message of messages) await accept(message);
    const [third, first, second] = messages.map((message) => message.id);
    assert.deepEqual(spool.ids(9), [first, second, third]);
    assert.deepEqual(spool.ids(1, first), [second]);
    assert.deepEqual(spool.ids(9, third), []);
  });

  promise('what is past its lifetime is found oldest first', async ({ spool, accept, record }) => {
    const long = mail(['a@one.example'], { lifetimeMs: 3 * HOUR });
    const short = mail(['a@one.example'], { lifetimeMs: HOUR });
    for (const message of [long, short]) await accept(message);
    assert.equal(spool.nextExpiry(), T0 + HOUR);
    assert.deepEqual(spool.expired(T0 + HOUR - 1, 9), []);
    assert.deepEqual(spool.expired(T0 + 3 * HOUR, 9), [short.id, long.id]);
    assert.deepEqual(spool.expired(T0 + 3 * HOUR, 1), [short.id]);
    await record([outcome(short, 0, 'expired')]);
    assert.equal(spool.nextExpiry(), T0 + 3 * HOUR);
    await record([outcome(long, 0, 'delivered')]);
    assert.equal(spool.nextExpiry(), undefined);
  });
}

function settling(promise: PromiseTest): void {
  promise('a deferral moves its delivery and keeps the reason', async ({ spool, accept, record }) => {
    const message = mail(['a@one.example', 'b@one.example']);
    await accept(message);
    const reply = { code: 451, enhanced: '4.7.1', lines: ['greylisted', 'try later'] };
    const changes = { nextAttemptAt: T0 + 60_000, attempts: 3, reply };
    assert.deepEqual(await record([outcome(message, 0, 'deferred', changes)]), [true]);
    const queue = queueOf(message, 0);
    assert.deepEqual(
      spool.due(queue, 9).map((due) => [due.index, due.dueAt]),
      [
        [1, T0],
        [0, T0 + 60_000],
      ],
    );
    assert.deepEqual(spool.message(message.id)?.waiting[0], {
      messageId: message.id,
      index: 0,
      dueAt: T0 + 60_000,
      attempts: 3,
      lastReply: '451 4.7.1 greylisted try later',
    });
    assert.deepEqual([...spool.queues()], [{ queue, waiting: 2, firstDueAt: T0 }]);
    assert.deepEqual(spool.counts, { deliveries: 2, messages: 1 });
    const error = { kind: 'timeout', text: 'no greeting' } as const;
    await record([outcome(message, 0, 'deferred', { nextAttemptAt: T0, attempts: 4, error })]);
    assert.equal(spool.message(message.id)?.waiting[0]?.lastReply, 'timeout: no greeting');
    assert.equal(spool.due(queue, 1)[0]?.index, 0);
  });

  promise('a terminal outcome ends its delivery, the last one its message', async ({ spool, accept, record }) => {
    const message = mail(['a@one.example', 'b@one.example']);
    await accept(message);
    await record([outcome(message, 1, 'failed')]);
    assert.deepEqual(
      spool.message(message.id)?.waiting.map((waiting) => waiting.index),
      [0],
    );
    await record([outcome(message, 0, 'delivered')]);
    assert.equal(spool.message(message.id), undefined);
    assert.deepEqual([...spool.queues()], []);
    assert.deepEqual(spool.due(queueOf(message, 0), 9), []);
    assert.deepEqual(spool.ids(9), []);
  });

  promise('an outcome for what does not wait is not written', async ({ spool, accept, record }) => {
    const message = mail(['a@one.example']);
    await accept(message);
    const stranger = { ...outcome(message, 0, 'failed'), messageId: strangerId() };
    const done = outcome(message, 0, 'delivered');
    const deferred = outcome(message, 0, 'deferred', { nextAttemptAt: T0 + 5 });
    assert.deepEqual(await record([deferred, stranger, done, done, deferred]), [true, false, true, false, false]);
    assert.deepEqual(await record([done]), [false]);
    assert.deepEqual(await spool.history(message.id, 9), [deferred, done]);
    assert.deepEqual(await spool.history(stranger.messageId, 9), []);
  });

  promise('what is recorded is durable when asked', async ({ spool, accept, record }) => {
    const message = mail(['a@one.example']);
    await accept(message);
    await record([outcome(message, 0, 'deferred', { nextAttemptAt: T0 + 5 })]);
    await spool.durable();
    assert.equal(spool.unsynced, 0);
  });

  promise('the last outcomes are found, newest last', async ({ spool, accept, record }) => {
    const message = mail(['a@one.example']);
    await accept(message);
    const events: OutcomeEvent[] = [];
    for (let attempts = 1; attempts <= 4; attempts++) {
      events.push(outcome(message, 0, 'deferred', { attempts, nextAttemptAt: T0 + attempts * 1000 }));
      await record(events.slice(-1));
    }
    assert.deepEqual(await spool.history(message.id, 2), events.slice(-2));
    assert.deepEqual(await spool.history(message.id, 9), events);
  });

  promise(
    'the last changes of state keys of one name are found, whatever stands before it',
    async ({ spool, record }) => {
      const change = (key: string, value: unknown): StateEvent => ({ type: 'state', at: T0, key, value, by: 'rule x' });
      const first = change('pace/out1/a "quoted" site', 1);
      const events = [
        first,
        change('pace/out1/other', 2),
        change('suspend/lane/out1/a "quoted" site', 3),
        change('out1', 4),
      ];
      await record(events);
      const last: StateEvent = { type: 'state', at: T0 + 1, key: 'pace/out1/a "quoted" site', by: 'operator' };
      await record([last]);
      const found = [first, events[2], last];
      assert.deepEqual(await spool.changes('out1/a "quoted" site', 9), found);
      assert.deepEqual(await spool.changes('out1/a "quoted" site', 2), found.slice(-2));
      assert.deepEqual(await spool.changes('nobody', 9), []);
    },
  );

  promise('an intent stands until its outcome', async ({ spool, accept, record }) => {
    const message = mail(['a@one.example', 'b@one.example']);
    await accept(message);
    await record([{ type: 'intent', at: T0, messageId: message.id, indexes: [0, 1] }]);
    await record([outcome(message, 1, 'deferred', { nextAttemptAt: T0 + 5 })]);
    assert.deepEqual(spool.states('intent/'), [{ key: `intent/${message.id}/0`, value: T0 }]);
    await record([outcome(message, 0, 'unknown')]);
    assert.deepEqual(spool.states('intent/'), []);
  });
}

function keeping(promise: PromiseTest): void {
  promise('a claim is made by a record or an event and ends after a day', async ({ spool, clock, accept, record }) => {
    const keyed = mail(['b@one.example', 'a@one.example'], { idempotencyKey: 'k' });
    await accept(keyed);
    await record([outcome(keyed, 0, 'delivered'), outcome(keyed, 1, 'delivered')]);
    const claim = spool.claim('app', 'k');
    assert.equal(claim?.messageId, keyed.id);
    assert.equal(claim?.at, T0);
    const other = strangerId();
    await record([{ type: 'key', at: T0, user: 'app', key: 'other', digest: 'd', messageId: other }]);
    assert.deepEqual(spool.claim('app', 'other'), { messageId: other, digest: 'd', at: T0 });
    assert.equal(spool.claim('else', 'k'), undefined);
    await clock.advance(CLAIM_MS - 1);
    assert.notEqual(spool.claim('app', 'k'), undefined);
    await clock.advance(1);
    assert.equal(spool.claim('app', 'k'), undefined);
    await spool.checkpoint();
    assert.equal(spool.claim('app', 'other'), undefined);
  });

  promise('state is what was set last, and can be removed and listed', async ({ spool, record }) => {
    const set = (key: string, value?: unknown): JournalEvent =>
      value === undefined
        ? { type: 'state', at: T0, key, by: 'test' }
        : { type: 'state', at: T0, key, value, by: 'test' };
    await record([set('pause/all', true), set('pause/tenant/b', 1), set('pausex', 0)]);
    await record([set('pause/tenant/a', { deep: [1] }), set('pause/all')]);
    await record([set('pause/tenant/b', 2)]);
    assert.equal(spool.state('pause/all'), undefined);
    assert.deepEqual(spool.state('pause/tenant/a'), { deep: [1] });
    assert.deepEqual(spool.states('pause/'), [
      { key: 'pause/tenant/a', value: { deep: [1] } },
      { key: 'pause/tenant/b', value: 2 },
    ]);
  });

  promise('alarms are kept for a day, a hundred at most', async ({ spool, clock, record }) => {
    const alarm = (at: number): JournalEvent => ({ type: 'alarm', at, alarm: 'test', text: `${at}` });
    await record([alarm(T0)]);
    await record(Array.from({ length: 100 }, (_, at) => alarm(T0 + 1 + at)));
    assert.equal(spool.alarms().length, 100);
    assert.equal(spool.alarms()[0]?.at, T0 + 1);
    await clock.advance(24 * HOUR + 1);
    assert.equal(spool.alarms().length, 99);
  });
}
