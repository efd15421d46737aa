// What is left out on a lane: told with the grant; a source that has nothing else begins nothing there.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt, AttemptError, Report, SessionGrant } from '../../src/flow/attempt.ts';
import type { Message } from '../../src/flow/message.ts';
import type { Judge } from '../../src/flow/outcome.ts';
import type { Router, TlsPolicy } from '../../src/flow/route.ts';
import type { Reply } from '../../src/flow/reply.ts';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { judge } from '../support/rules.ts';
import { HOUR, MINUTE, OPTIONS, relay, replies, takesAll, World, type WorldOptions } from './world.ts';

const member = (source: string) => ({ source, weight: 1 });
const SIX: SchedulerOptions = {
  ...OPTIONS,
  sources: {
    four: { name: 'four', address: '192.0.2.1', ehlo: 'four.example' },
    six: { name: 'six', address: '2001:db8::1', ehlo: 'six.example' },
    any: { name: 'any', ehlo: 'any.example' },
  },
  pools: {
    default: { members: [member('four'), member('six'), member('any')] },
    six: { members: [member('six')] },
  },
  providers: { charter: { lanes: 'shared', ipv6: false } },
};

function noting(grants: SessionGrant[]): Behaviour {
  return {
    ...takesAll,
    connect: (grant) => {
      grants.push(grant);
      return takesAll.connect(grant);
    },
  };
}

test('left out: where a provider takes no IPv6 the grant says so, and a source of IPv6 alone sends nothing', async () => {
  const grants: SessionGrant[] = [];
  const world = new World({ options: SIX, behaviour: noting(grants) });
  await world.scheduler.start();
  for (let n = 0; n < 200; n++) world.accept([n % 2 === 0 ? 'charter.net' : 'example.net']);
  await world.clock.advance(MINUTE);
  equal(world.outcomes().filter(({ outcome }) => outcome === 'delivered').length, 200);
  const sources = (provider: string | undefined) =>
    [...new Set(grants.filter((one) => one.provider === provider).map(({ source }) => source.name))].toSorted();
  deepEqual(sources('charter'), ['any', 'four']);
  deepEqual(sources(undefined), ['any', 'four', 'six']);
  for (const { provider, without } of grants) deepEqual(without, provider === 'charter' ? ['ipv6'] : undefined);
  await world.end();
});

test('left out: a pool of IPv6 alone waits there, untouched, until a reload says otherwise', async () => {
  const world = new World({ options: SIX });
  await world.scheduler.start();
  world.accept(['charter.net'], { pool: 'six' });
  world.accept(['example.net'], { pool: 'six' });
  await world.clock.advance(10 * MINUTE);
  deepEqual(world.kinds(), ['delivered']);
  world.scheduler.reload({ ...SIX, providers: { charter: { lanes: 'shared' } } });
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(), ['delivered', 'delivered']);
  await world.end();
});

/** The shipped rules: disable ipv6, retry normal. */
const GUIDELINES: Reply = { code: 550, enhanced: '5.7.1', lines: ['does not meet IPv6 sending guidelines'] };
/** hold source+provider, disable ipv6. */
const NO_NAME: Reply = { code: 550, enhanced: '5.7.25', lines: ['must have a reverse DNS record'] };
const DAY = 24 * HOUR;

/** Speaks IPv6 as long as it may; by IPv6 it answers `reply`. */
class Far {
  readonly grants: SessionGrant[] = [];
  reply: Reply | undefined = GUIDELINES;
  /** Refuses before MAIL. */
  isEarly = false;
  /** Of connections that do not say otherwise. */
  address: string | undefined;
  readonly behaviour: Behaviour = {
    idleMs: 5000,
    connect: (grant) => {
      this.grants.push(grant);
      if (!this.isEarly || this.reply === undefined || this.#addressOf(grant) === IPV4) return { ms: 10 };
      const remote = { host: 'mx', address: this.#addressOf(grant), port: 25 };
      return { ms: 10, failure: { phase: 'greeting', reply: this.reply, remote } };
    },
    transact: (attempt: Attempt, _: Message, grant) => {
      const { reply } = this;
      if (grant === undefined || reply === undefined || this.#addressOf(grant) === IPV4)
        return { ms: 10, results: replies(attempt.indexes, 250), taken: attempt.indexes };
      return {
        ms: 10,
        results: attempt.indexes.map((index) => ({ index, decidedAt: 'dot', reply })),
        taken: [],
      } as const;
    },
    facts: (grant): Partial<Report> => ({ remote: { host: 'mx', address: this.#addressOf(grant), port: 25 } }),
  };

  #addressOf({ without = [], source }: SessionGrant): string {
    if (source.address !== undefined) return source.address.includes(':') ? IPV6 : IPV4;
    return this.address ?? (without.includes('ipv6') ? IPV4 : IPV6);
  }

  get by(): readonly (readonly [string, readonly string[] | undefined])[] {
    return this.grants.map(({ source, without }) => [source.name, without]);
  }
}

const IPV4 = '192.0.2.9';
const IPV6 = '2001:db8::9';
const GOOGLE: SchedulerOptions = { ...OPTIONS, providers: { google: { lanes: 'shared' } } };

async function startedBy(far: Far, given: WorldOptions = {}): Promise<World> {
  const world = new World({ options: GOOGLE, behaviour: far.behaviour, ...given });
  await world.scheduler.start();
  return world;
}

function states(world: World): readonly unknown[] {
  return world.spool.journal.filter((event) => event.type === 'state' && event.key.startsWith('left-out/'));
}

for (const isEarly of [false, true]) {
  const where = isEarly ? 'before MAIL' : 'after the dot';
  test(`left out: a reply against IPv6 ${where} has the mail go at once over IPv4, and what follows too`, async () => {
    const far = new Far();
    far.isEarly = isEarly;
    const world = await startedBy(far);
    const message = world.accept(['gmail.com']);
    await world.clock.advance(1000);
    deepEqual(world.kinds(message), isEarly ? ['delivered'] : ['deferred', 'delivered']);
    deepEqual(far.by, [
      ['default', undefined],
      ['default', ['ipv6']],
    ]);
    for (let n = 0; n < 50; n++) world.accept(['gmail.com', 'example.net']);
    await world.clock.advance(MINUTE);
    equal(world.outcomes().filter(({ outcome }) => outcome === 'failed').length, 0);
    // Written once, with what was said; of others nothing is known.
    equal(states(world).filter((event) => JSON.stringify(event).includes('default/google')).length, 1);
    const lane = await world.scheduler.operations.lane('default/google');
    const [kept] = lane?.leftOut ?? [];
    deepEqual([kept?.extension, kept?.until], ['ipv6', (kept?.since ?? 0) + 7 * DAY]);
    match(kept?.reply ?? '', /^550 5\.7\.1 does not meet IPv6/);
    await world.end();
  });
}

test('left out: stands after a restart until its time is over, or an operator says so', async () => {
  const far = new Far();
  const world = await startedBy(far);
  world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  const far2 = new Far();
  const next = new World({ options: GOOGLE, behaviour: far2.behaviour });
  next.spool.record(states(world) as never);
  await next.clock.advance(MINUTE);
  await next.scheduler.start();
  far2.reply = undefined;
  next.accept(['gmail.com']);
  await next.clock.advance(6 * DAY);
  next.accept(['gmail.com']);
  await next.clock.advance(DAY);
  next.accept(['gmail.com']);
  await next.clock.advance(MINUTE);
  deepEqual(
    far2.by.map(([, without]) => without),
    [['ipv6'], ['ipv6'], undefined],
  );
  equal(states(next).length, 2);
  await next.end();
  equal(await world.scheduler.operations.resumeLane('default/google', 'operator'), 1);
  equal(await world.scheduler.operations.resumeLane('default/google', 'operator'), 0);
  far.reply = undefined;
  world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  equal(far.by.at(-1)?.[1], undefined);
  deepEqual(
    (await world.scheduler.operations.laneHistory('default/google', 9)).map(({ text }) => text.slice(0, 20)),
    ['ipv6 is left out unt', 'ipv6 is used again'],
  );
  await world.end();
});

test('left out: of a source of IPv6 alone another source takes the mail at once', async () => {
  const far = new Far();
  const options = { ...SIX, providers: { google: { lanes: 'shared' } } } as const;
  const pools = { default: { members: [member('six'), member('four')] } };
  const world = await startedBy(far, { options: { ...options, pools } });
  for (let n = 0; n < 20; n++) world.accept(['gmail.com']);
  await world.clock.advance(5000);
  equal(world.outcomes().filter(({ outcome }) => outcome === 'delivered').length, 20);
  const lane = await world.scheduler.operations.lane('six/google');
  equal(lane?.wait.for, 'ipv4-source');
  await world.end();
});

test('left out: where the mail goes on over IPv4 its source is not held besides', async () => {
  const far = new Far();
  far.reply = NO_NAME;
  const providers = { office365: { lanes: 'per-site' } } as const;
  const router = {
    resolve: async (domain: string) => {
      const site = `${domain}.mail.protection.outlook.com`;
      const route = { kind: 'relay', site, hosts: [{ name: site, port: 25 }], tls: { level: 'none' }, explicit: false };
      return { domain, route, ttlMs: HOUR } as never;
    },
  };
  const world = await startedBy(far, { options: { ...OPTIONS, providers }, router });
  world.accept(['a.example']);
  await world.clock.advance(1000);
  deepEqual(world.kinds(), ['deferred', 'delivered']);
  deepEqual((await world.scheduler.operations.lanes()).suspensions, []);
  // Another site of the provider: known there too.
  world.accept(['b.example']);
  await world.clock.advance(1000);
  deepEqual(far.by.at(-1), ['default', ['ipv6']]);
  await world.end();
  // Over IPv4 it is the source that is to blame.
  const other = new Far();
  other.reply = NO_NAME;
  other.address = '192.0.2.10';
  const held = await startedBy(other, { options: { ...OPTIONS, providers }, router });
  held.accept(['a.example']);
  await held.clock.advance(1000);
  deepEqual([states(held), (await held.scheduler.operations.lanes()).suspensions.length], [[], 1]);
  await held.end();
  // So it is with a source that has nothing else.
  const alone = new Far();
  alone.reply = NO_NAME;
  const pools = { default: { members: [member('six')] } };
  const six = await startedBy(alone, { options: { ...SIX, pools, providers }, router });
  six.accept(['a.example']);
  await six.clock.advance(1000);
  equal((await six.scheduler.operations.lanes()).suspensions.length, 1);
  await six.end();
});

test('left out: who says so of IPv6 although it was left out is believed once', async () => {
  const far = new Far();
  far.address = IPV6;
  const world = await startedBy(far);
  const message = world.accept(['gmail.com']);
  await world.clock.advance(1000);
  deepEqual(world.kinds(message), ['deferred', 'deferred']);
  equal(far.grants.length, 2);
  await world.end();
});

test('left out: where no source of a pool has anything but IPv6 somebody is told', async () => {
  const pools = { default: { members: [member('six')] } };
  const world = await startedBy(new Far(), { options: { ...SIX, pools, providers: { google: { lanes: 'shared' } } } });
  world.accept(['gmail.com']);
  await world.clock.advance(1000);
  equal(world.spool.journal.filter((event) => event.type === 'alarm' && event.alarm === 'pool-suspended').length, 1);
  await world.end();
});

test('left out: TLS only where it was used, may be missing, and is no provider’s; a server that asks for it has it again', async () => {
  const noTls: Reply = { code: 454, enhanced: '4.7.0', lines: ['TLS not available: handshake failed'] };
  const mustTls: Reply = { code: 530, enhanced: '5.7.0', lines: ['Must issue a STARTTLS command first'] };
  let wants: 'plain' | 'tls' = 'plain';
  const grants: SessionGrant[] = [];
  const isTls = ({ without = [] }: SessionGrant): boolean => !without.includes('tls');
  const behaviour: Behaviour = {
    ...takesAll,
    connect: (grant) => {
      grants.push(grant);
      return { ms: 10 };
    },
    transact: (attempt, message, grant) => {
      if (grant === undefined || isTls(grant) === (wants === 'tls')) return takesAll.transact(attempt, message);
      const reply = wants === 'tls' ? mustTls : noTls;
      return {
        ms: 10,
        results: attempt.indexes.map((index) => ({ index, decidedAt: 'mail', reply })),
        taken: [],
      } as const;
    },
    facts: (grant) =>
      isTls(grant) ? { tls: { version: 'TLSv1.3', cipher: 'x', reused: false } } : { tlsLeftOut: true },
  };
  const world = new World({ options: GOOGLE, behaviour });
  await world.scheduler.start();
  const here = world.accept(['example.net']);
  world.accept(['gmail.com']);
  await world.clock.advance(1000);
  deepEqual(world.kinds(here), ['deferred', 'delivered']);
  equal(states(world).length, 1);
  await world.clock.advance(10_000);
  wants = 'tls';
  const there = world.accept(['example.net']);
  await world.clock.advance(1000);
  deepEqual(world.kinds(there), ['deferred']);
  // Nobody else is refused by what was opened without.
  const next = world.accept(['example.net']);
  await world.clock.advance(1000);
  deepEqual(world.kinds(next), ['delivered']);
  await world.clock.advance(10 * MINUTE);
  deepEqual(world.kinds(there), ['deferred', 'delivered']);
  equal(states(world).length, 2);
  deepEqual(grants.at(-1)?.without, undefined);
  await world.end();
});

/** Whatever is no success speaks against TLS. */
const againstTls: Judge = (result, report, provider) => {
  const verdict = judge(result, report, provider);
  if (verdict.kind === 'delivered') return verdict;
  return { ...verdict, kind: 'deferred', actions: [{ do: 'disable', extension: 'tls' }] };
};
const BROKEN: Reply = { code: 451, lines: ['TLS handshake failed'] };
const WEAK: Reply = { code: 550, enhanced: '5.7.10', lines: ['Encryption needed: TLS required by this domain'] };
const routed = (tls: TlsPolicy): Router => ({
  resolve: async (domain) => ({ domain, route: { ...relay(`mx.${domain}`), tls }, ttlMs: HOUR }),
});

interface TlsCase {
  readonly name: string;
  readonly given?: WorldOptions;
  readonly domain?: string;
  readonly reply?: Reply;
  readonly error?: AttemptError;
  readonly isPlain?: true;
  readonly want: boolean;
}

const TLS_CASES: readonly TlsCase[] = [
  { name: 'a reply over TLS, where it may be missing', given: { judge: againstTls }, want: true },
  { name: 'by the shipped rules: what says that TLS broke', want: true },
  { name: 'by the shipped rules: what asks for TLS is not', reply: WEAK, want: false },
  { name: 'on a connection without TLS', given: { judge: againstTls }, isPlain: true, want: false },
  { name: 'a provider that we know', given: { judge: againstTls }, domain: 'gmail.com', want: false },
  {
    name: 'a route that requires it',
    given: { judge: againstTls, router: routed({ level: 'required' }) },
    want: false,
  },
  {
    name: 'a route whose port speaks nothing else',
    given: { judge: againstTls, router: routed({ level: 'opportunistic', implicit: true }) },
    want: false,
  },
  {
    name: 'a message that asks for REQUIRETLS where there is none',
    given: { judge: againstTls },
    error: { kind: 'no-requiretls', text: 'the server does not offer it' },
    want: false,
  },
];

for (const { name, given = {}, domain = 'example.net', reply = BROKEN, error, isPlain, want } of TLS_CASES) {
  test(`left out: TLS, ${want ? 'yes' : 'no'}: ${name}`, async () => {
    const grants: SessionGrant[] = [];
    let isWell = false;
    const world = await startedBy(new Far(), {
      behaviour: {
        ...noting(grants),
        transact: (attempt, message) => {
          if (isWell) return takesAll.transact(attempt, message);
          const why = error === undefined ? { reply } : { error };
          return { ms: 10, results: attempt.indexes.map((index) => ({ index, decidedAt: 'mail', ...why })), taken: [] };
        },
        facts: () => (isPlain ? {} : { tls: { version: 'TLSv1.3', cipher: 'x', reused: false } }),
      },
      ...given,
    });
    world.accept([domain]);
    await world.clock.advance(15);
    isWell = true;
    await world.clock.advance(MINUTE);
    world.accept([domain]);
    await world.clock.advance(MINUTE);
    equal(states(world).length, want ? 1 : 0);
    deepEqual(grants.at(-1)?.without, want ? ['tls'] : undefined);
    await world.clock.advance(HOUR);
    world.accept([domain]);
    await world.clock.advance(MINUTE);
    deepEqual(grants.at(-1)?.without, undefined, 'for an hour');
    equal(states(world).length, want ? 2 : 0);
    await world.end();
  });
}

test('left out: a state that names a provider takes TLS from nobody there', async () => {
  const grants: SessionGrant[] = [];
  const world = new World({ options: GOOGLE, behaviour: noting(grants) });
  const at = world.clock.now();
  for (const extension of ['tls', 'chunking'] as const) {
    const value = { extension, name: 'default/google', since: at, until: at + HOUR, by: 'rule x', reply: 'x' };
    world.spool.record([{ type: 'state', at, key: `left-out/${extension}/default/google`, value, by: 'rule x' }]);
  }
  await world.scheduler.start();
  world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  deepEqual(grants[0]?.without, ['chunking']);
  await world.end();
});

test('left out: what nobody uses yet is handed to egress all the same, for as long as the rule says', async () => {
  const noChunks: Judge = (result, report, provider) => {
    const verdict = judge(result, report, provider);
    if (verdict.kind === 'delivered') return verdict;
    const actions = [{ do: 'disable', extension: 'chunking', forMs: HOUR } as const];
    return { ...verdict, kind: 'deferred', actions };
  };
  const far = new Far();
  const world = await startedBy(far, { judge: noChunks });
  const message = world.accept(['example.net']);
  await world.clock.advance(1000);
  // It was not used, so there is no other way: the plan counts.
  deepEqual(world.kinds(message), ['deferred']);
  // Said again it is no longer than said once.
  world.accept(['example.net']);
  await world.clock.advance(1000);
  equal(states(world).length, 1);
  far.reply = undefined;
  await world.clock.advance(30 * MINUTE);
  deepEqual(world.kinds(message), ['deferred', 'delivered']);
  deepEqual(far.by.at(-1)?.[1], ['chunking']);
  await world.clock.advance(HOUR);
  equal(states(world).length, 2);
  await world.end();
});
