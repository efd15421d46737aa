// What is suspended: who goes on, who waits, who probes, what is told, and what a restart remembers. Nothing that waits
// is touched.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt, SessionGrant } from '../../src/flow/attempt.ts';
import type { Domain, Message } from '../../src/flow/message.ts';
import type { Reply } from '../../src/flow/reply.ts';
import type { Router } from '../../src/flow/route.ts';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, relay, replies, World, type WorldOptions } from './world.ts';

const source = (name: string, address: string) => ({ name, address, ehlo: `${name}.example` });
const TWO: SchedulerOptions = {
  ...OPTIONS,
  sources: { a: source('a', '192.0.2.1'), b: source('b', '192.0.2.2') },
  pools: {
    default: {
      members: [
        { source: 'a', weight: 1 },
        { source: 'b', weight: 1 },
      ],
    },
  },
  caps: { ...OPTIONS.caps, connections: 4 },
  providers: { google: { lanes: 'shared' } },
};

/** The shipped rules: suspend source+provider 4h, alert. */
const BLOCK: Reply = { code: 550, enhanced: '5.7.28', lines: ['unusual rate of unsolicited mail'] };
/** hold sending-domain+provider. */
const AUTH: Reply = { code: 421, enhanced: '4.7.27', lines: ['SPF check failed'] };
/** hold source+provider, retry elsewhere. */
const PTR: Reply = { code: 451, enhanced: '4.7.23', lines: ["the sending IP address doesn't have a PTR record"] };

type Answer = (source: string, message: Message, attempt: Attempt) => Reply | undefined;

/** Takes 100 ms for each; `answer` refuses. Which source began what, in order. */
class Far {
  readonly begun: { readonly at: number; readonly source: string; readonly message: Message }[] = [];
  answer: Answer = () => undefined;
  world!: World;
  readonly behaviour: Behaviour = {
    idleMs: 5000,
    connect: (_: SessionGrant) => ({ ms: 10 }),
    transact: (attempt, message, grant) => {
      const name = grant?.source.name ?? '';
      this.begun.push({ at: this.world.clock.now(), source: name, message });
      const reply = this.answer(name, message, attempt);
      if (reply === undefined) return { ms: 100, results: replies(attempt.indexes, 250), taken: attempt.indexes };
      const results = attempt.indexes.map((index) => ({ index, decidedAt: 'mail', reply }) as const);
      return { ms: 100, results, taken: [] };
    },
  };

  by(name: string): number {
    return this.begun.filter((one) => one.source === name).length;
  }
}

async function started(far: Far, given: WorldOptions = {}): Promise<World> {
  const world = new World({ options: TWO, behaviour: far.behaviour, egresses: 2, ...given });
  far.world = world;
  await world.scheduler.start();
  return world;
}

test('suspension: a blocked source costs no mail: no row is written, and the next source takes over at once', async () => {
  const far = new Far();
  const world = await started(far);
  far.answer = (name) => (name === 'a' && far.begun.length > 20 ? BLOCK : undefined);
  for (let n = 0; n < 5000; n++) world.accept(['gmail.com']);
  while (world.scheduler.operations && (await world.scheduler.operations.lanes()).suspensions.length === 0) {
    await world.clock.advance(10);
  }
  const blockedAt = world.clock.now();
  const before = world.spool.journal.length;
  const ofA = far.by('a');
  await world.clock.advance(1000);
  const ofB = far.begun.filter(({ at, source: name }) => name === 'b' && at >= blockedAt);
  ok(ofB.length >= 30, `${ofB.length} by the other source within a second`);
  ok((ofB[0]?.at ?? Infinity) - blockedAt < 200);
  await world.clock.advance(MINUTE);
  equal(far.by('a'), ofA, 'nothing more by the blocked one');
  const written = world.spool.journal.slice(before).filter((event) => event.type !== 'outcome');
  deepEqual(
    written.filter(({ type }) => type === 'state'),
    [],
  );
  const refused = world.outcomes().filter(({ source: name, outcome }) => name === 'a' && outcome !== 'delivered');
  ok(refused.length <= 4, `${refused.length} were refused: those that had begun`);
  ok(refused.every(({ outcome }) => outcome === 'deferred'));
  await world.end();
});

for (const [name, lanes, top, reply] of [
  ['google', 'shared', 'google.com', BLOCK],
  [
    'office365',
    'per-site',
    'mail.protection.outlook.com',
    { code: 550, enhanced: '5.7.606', lines: ['Access denied, banned sending IP [192.0.2.1]'] },
  ],
] as const) {
  test(`suspension: a block at one site of ${name} (${lanes} lanes) stops the source at all of its sites, and nowhere else`, async () => {
    const far = new Far();
    const router: Router = {
      resolve: async (domain) => {
        const host = domain.startsWith('own') ? `mx.${domain}` : `${domain.replace('.example', '')}.${top}`;
        return { domain, route: relay(host), ttlMs: 1000 * HOUR };
      },
    };
    const world = await started(far, { router, options: { ...TWO, providers: { [name]: { lanes } } } });
    far.answer = (source, { forwardPaths: [path] }) =>
      source === 'a' && path?.domain === 's0.example' ? reply : undefined;
    for (let n = 0; n < 4; n++) world.accept(['s0.example']);
    await world.clock.advance(MINUTE);
    equal((await world.scheduler.operations.lanes()).suspensions.length, 1);
    const before = far.begun.length;
    for (let n = 0; n < 40; n++) world.accept([`s${n % 10}.example`]);
    await world.clock.advance(HOUR);
    const since = far.begun.slice(before);
    ok(since.length >= 40);
    deepEqual(new Set(since.map(({ source }) => source)), new Set(['b']));
    for (let n = 0; n < 20; n++) world.accept([`own${n % 10}.example`]);
    await world.clock.advance(MINUTE);
    ok(
      far.begun.slice(before + since.length).some(({ source }) => source === 'a'),
      'elsewhere it goes on',
    );
    await world.end();
  });
}

test('suspension: after its time one delivery probes; refused, all waits again; taken, the lane begins at one connection', async () => {
  const far = new Far();
  const world = await started(far, {
    options: { ...TWO, pools: { default: { members: [{ source: 'a', weight: 1 }] } } },
  });
  far.answer = () => BLOCK;
  for (let n = 0; n < 200; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  const first = far.begun.length;
  ok(first <= 4);
  equal((await world.scheduler.operations.lane('a/google'))?.state, 'suspended');
  deepEqual(
    world.spool
      .alarms()
      .map(({ alarm }) => alarm)
      .toSorted(),
    ['ip-block', 'pool-suspended'],
  );
  await world.clock.advance(4 * HOUR);
  equal(far.begun.length, first + 1, 'one probe');
  equal((await world.scheduler.operations.lane('a/google'))?.state, 'suspended', 'anew');
  far.answer = () => undefined;
  await world.clock.advance(4 * HOUR);
  deepEqual(world.spool.states('suspend/'), []);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 200);
  const resumed = far.begun.slice(first + 1);
  const second = resumed.filter(({ at }) => at < (resumed[0]?.at ?? 0) + 1000).length;
  ok(second <= 11, `${second} in the first second: one connection, one after the other`);
  equal(world.kinds().filter((kind) => kind === 'failed' || kind === 'expired').length, 0);
  await world.end();
});

test('suspension: stands after a restart, for as long as it was to last', async () => {
  const far = new Far();
  const world = await started(far);
  far.answer = (name) => (name === 'a' ? BLOCK : undefined);
  for (let n = 0; n < 50; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  const states = world.spool.states('suspend/');
  equal(states.length, 1);
  await world.end();
  const again = new Far();
  const next = new World({ options: TWO, behaviour: again.behaviour, egresses: 2 });
  again.world = next;
  for (const { key, value } of states) next.spool.record([{ type: 'state', at: 1, key, value, by: 'rule x' }]);
  await next.scheduler.start();
  for (let n = 0; n < 50; n++) next.accept(['gmail.com']);
  await next.clock.advance(HOUR);
  deepEqual([again.by('a'), again.by('b')], [0, 50]);
  await next.clock.advance(3 * HOUR + MINUTE);
  for (let n = 0; n < 50; n++) next.accept(['gmail.com']);
  await next.clock.advance(MINUTE);
  ok(again.by('a') > 3, 'its time is over, and its probe went well');
  deepEqual(next.spool.states('suspend/'), []);
  await next.end();
});

test('suspension: a source that is refused for its PTR record is held until it is cleared, and the record is named', async () => {
  const far = new Far();
  const world = await started(far);
  far.answer = (name) => (name === 'a' ? PTR : undefined);
  for (let n = 0; n < 50; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  const { operations } = world.scheduler;
  const lane = await operations.lane('a/google');
  equal(lane?.state, 'held');
  match(lane?.suspension?.remedy ?? '', /PTR record of 192\.0\.2\.1.*a\.example/);
  match(world.spool.alarms().find(({ alarm }) => alarm === 'held')?.text ?? '', /PTR record of 192\.0\.2\.1/);
  await world.clock.advance(48 * HOUR);
  ok(far.by('a') <= 4, 'no probe: somebody has to mend it');
  far.answer = () => undefined;
  equal(await operations.resumeLane('a/google', 'operator'), 1);
  equal(await operations.resumeLane('a/google', 'operator'), 0);
  for (let n = 0; n < 50; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  ok(far.by('a') > 10);
  const history = await operations.laneHistory('a/google', 9);
  deepEqual(
    history.map(({ text, by }) => [text, by.split(' ')[0]]),
    [
      ['suspended until it is cleared', 'rule'],
      ['the suspension is over', 'operator'],
    ],
  );
  await world.end();
});

test('suspension: a sending domain that fails its checks is held at that provider alone, and other mail of its queue goes on', async () => {
  const far = new Far();
  const world = await started(far);
  far.answer = (_, { fromDomain, forwardPaths: [path] }) =>
    fromDomain === ('bad.example' as Domain) && path?.domain === 'gmail.com' ? AUTH : undefined;
  const bad = { fromDomain: 'bad.example' as Domain };
  const good = { fromDomain: 'good.example' as Domain };
  for (let n = 0; n < 300; n++) world.accept(['gmail.com'], n % 2 === 0 ? bad : good);
  for (let n = 0; n < 20; n++) world.accept(['elsewhere.example'], bad);
  await world.clock.advance(MINUTE);
  const { operations } = world.scheduler;
  const { suspensions } = await operations.lanes();
  deepEqual(
    suspensions.map(({ what, name, state }) => [what, name, state]),
    [['sending-domain+provider', 'bad.example/google', 'held']],
  );
  match(suspensions[0]?.remedy ?? '', /SPF record \(TXT\) of bad\.example/);
  const sent = (fromDomain: string) =>
    world.outcomes().filter(({ messageId, outcome }) => {
      return outcome === 'delivered' && world.wire.messages.get(messageId)?.fromDomain === fromDomain;
    }).length;
  equal(sent('good.example'), 150);
  ok(sent('bad.example') <= 20);
  const refused = far.begun.filter(
    ({ message }) => message.fromDomain === 'bad.example' && message.forwardPaths[0]?.domain === 'gmail.com',
  );
  ok(refused.length <= 12, `${refused.length} tried`);
  far.answer = () => undefined;
  equal(await operations.resumeLane('bad.example/google', 'operator'), 1);
  await world.clock.advance(6 * HOUR);
  equal(sent('bad.example'), 170);
  await world.end();
});

test('suspension: a queue of a held sending domain waits as a whole once a thousand are kept, and all of it goes when it is cleared', async () => {
  const far = new Far();
  const world = await started(far);
  far.answer = () => AUTH;
  const bad = { fromDomain: 'bad.example' as Domain };
  for (let n = 0; n < 3000; n++) world.accept(['gmail.com'], bad);
  await world.clock.advance(HOUR);
  const tried = far.begun.length;
  ok(tried <= 30, `${tried} tried`);
  match((await world.scheduler.operations.queue({ domainsMax: 1 })).domains[0]?.waitsFor ?? '', /bad\.example\/google/);
  far.answer = () => undefined;
  await world.scheduler.operations.resumeLane('bad.example/google', 'operator');
  await world.clock.advance(6 * HOUR);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 3000);
  await world.end();
});

test('suspension: a paused lane begins nothing, its peers do; resumed or after its time it goes on', async () => {
  const far = new Far();
  const world = await started(far);
  const { operations } = world.scheduler;
  equal(await operations.pauseLane('nobody/google', undefined, 'operator'), false);
  equal(await operations.pauseLane('a/google', HOUR, 'operator'), true);
  for (let n = 0; n < 100; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  deepEqual([far.by('a'), far.by('b')], [0, 100]);
  await world.clock.advance(HOUR);
  for (let n = 0; n < 100; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  ok(far.by('a') > 5);
  await operations.pauseLane('a/google', undefined, 'operator');
  const before = far.by('a');
  await world.clock.advance(1000);
  for (let n = 0; n < 100; n++) world.accept(['gmail.com']);
  await world.clock.advance(48 * HOUR);
  ok(far.by('a') <= before);
  await operations.resumeLane('a/google', 'operator');
  await world.end();
});

test('suspension: a campaign whose mail is refused as spam waits an hour, other mail does not, and a restart forgets neither', async () => {
  const far = new Far();
  const world = await started(far);
  const spam: Reply = { code: 421, enhanced: '4.7.0', lines: ['due to the nature of the content or the links'] };
  far.answer = (_, { campaign }) => (campaign === 'spring' ? spam : undefined);
  for (let n = 0; n < 200; n++)
    world.accept(['gmail.com'], n % 2 === 0 ? { campaign: 'spring' } : { campaign: 'other' });
  await world.clock.advance(MINUTE);
  const ofSpring = (): number => far.begun.filter(({ message }) => message.campaign === 'spring').length;
  const tried = ofSpring();
  ok(tried <= 20, `${tried} tried`);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 100);
  const { suspensions } = await world.scheduler.operations.lanes();
  deepEqual(
    suspensions.map(({ what, name, state }) => [what, name, state]),
    [['campaign', 'default/spring', 'suspended']],
  );
  equal(world.spool.states('suspend/').length, 1);
  await world.clock.advance(50 * MINUTE);
  equal(ofSpring(), tried);
  const [spring] = await world.scheduler.operations.campaigns(undefined, 10);
  deepEqual(
    [spring?.campaign, spring?.state, spring?.suspension?.until],
    ['spring', 'suspended', suspensions[0]?.until],
  );
  match(
    spring?.why ?? '',
    /^campaign default\/spring: suspended, ends in \d+m\S*: 421 4\.7\.0 due to the nature .*\(rule \S+\)$/,
  );
  // A pause and its end leave nothing of the suspension.
  await world.scheduler.operations.pause('campaign/default/spring', 'operator');
  equal((await world.scheduler.operations.campaigns(undefined, 10))[0]?.state, 'paused');
  far.answer = () => undefined;
  equal(await world.scheduler.operations.resume('campaign/default/spring', 'operator'), true);
  equal((await world.scheduler.operations.campaigns(undefined, 10))[0]?.state, 'active');
  equal(await world.scheduler.operations.resume('campaign/default/spring', 'operator'), false);
  await world.clock.advance(8 * HOUR);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 200);
  deepEqual(world.spool.states('suspend/'), []);
  await world.end();
});
