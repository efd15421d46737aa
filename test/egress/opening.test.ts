// How a session finds a server: which addresses are dialled, and which are not dialled again.
import { deepEqual, equal } from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { AddressClaim, AttemptError, SessionGrant } from '../../src/flow/attempt.ts';
import { createDialer } from '../../src/net/dialer.ts';
import type { Lookup, Resolver } from '../../src/net/resolver.ts';
import type { Dialer, Wire, WireListener } from '../../src/net/wire.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Sink, startSink } from '../support/fake-net.ts';
import { grantTo, relayTo, type Stage, startStage } from './stage.ts';

const NO_WIRE: Wire = { send() {}, write: () => true, secure() {}, end() {}, destroy() {} };

interface World {
  readonly stage: Stage;
  readonly sink: Sink;
  /** Addresses, in order. */
  readonly dialled: string[];
  /** One message by a session of its own; the addresses dialled for it. */
  send(id: string, hosts: readonly string[], changes?: Partial<SessionGrant>): Promise<string[]>;
}

/** `trouble`: what becomes of a dial; undefined: it reaches the sink. */
async function world(
  context: TestContext,
  zone: Readonly<Record<string, readonly string[]>>,
  trouble: (address: string) => AttemptError | undefined,
): Promise<World> {
  const sink = await startSink();
  context.after(() => sink.close());
  const dialled: string[] = [];
  const real = createDialer(systemClock);
  const dialer: Dialer = {
    dial: (target, listener) => {
      dialled.push(target.address);
      const error = trouble(target.address);
      if (error === undefined) return real.dial({ ...target, address: '127.0.0.1' }, listener);
      setImmediate(() => listener.closed(error));
      return NO_WIRE;
    },
  };
  const resolver: Resolver = {
    mx: async () => ({ found: 'nothing', ttlMs: 1 }),
    addresses: async (host, family): Promise<Lookup<string>> => {
      const records = zone[`${host} ${family}`];
      if (records === undefined) return { found: 'nothing', ttlMs: 1 };
      return { found: 'records', records, ttlMs: 1, isAuthentic: false };
    },
    clear: () => {},
  };
  const stage = startStage({}, { dialer, resolver });
  context.after(() => stage.egress.stop());
  return {
    stage,
    sink,
    dialled,
    send: async (id, hosts, changes = {}) => {
      const from = dialled.length;
      const relay = { ...relayTo([]), hosts: hosts.map((name) => ({ name, port: sink.port })) };
      stage.egress.commands.open(grantTo(sink.port, { session: id, relay, ...changes }));
      stage.egress.commands.deliver(id, stage.attempt(id, 'Subject: x\r\n\r\nx\r\n'));
      await stage.until(() => [...stage.reports, ...stage.closed].some(({ session }) => session === id));
      return dialled.slice(from);
    },
  };
}

const TIMEOUT: AttemptError = { kind: 'timeout', text: 'no connection after 30000 ms' };
const ZONE = {
  'mx6.test 6': ['2001:db8::1', '2001:db8::2'],
  'mx4.test 4': ['192.0.2.4'],
  'other.test 6': ['2001:db8::9'],
  'both.test 4': ['192.0.2.5'],
  'both.test 6': ['2001:db8::5'],
};
const isIpv6 = (address: string): boolean => address.includes(':');

test('opening: a family that ran into a time-out is not waited for again while another serves', async (context) => {
  const { send, sink } = await world(context, ZONE, (address) => (isIpv6(address) ? TIMEOUT : undefined));
  const first = await send('m1', ['mx6.test', 'mx4.test']);
  deepEqual([first.slice(0, 2).toSorted(), first.slice(2)], [['2001:db8::1', '2001:db8::2'], ['192.0.2.4']]);
  deepEqual(await send('m2', ['mx6.test', 'mx4.test']), ['192.0.2.4']);
  // Of another source nothing is known.
  const source = { name: 'out2', ehlo: 'out2.test' };
  equal((await send('m3', ['mx6.test', 'mx4.test'], { source })).length, 3);
  equal(sink.messages.length, 3);
});

test('opening: IPv4 that does not work is remembered like IPv6; what works again counts as whole', async (context) => {
  let broken = 4;
  const { send, stage } = await world(context, ZONE, (address) =>
    isIpv6(address) === (broken === 6) ? TIMEOUT : undefined,
  );
  deepEqual(await send('m1', ['both.test']), ['192.0.2.5', '2001:db8::5']);
  deepEqual(await send('m2', ['both.test']), ['2001:db8::5']);
  // What is tried last is tried: now it works, and the other does not.
  broken = 6;
  deepEqual(await send('m3', ['both.test']), ['2001:db8::5', '192.0.2.5']);
  deepEqual(await send('m4', ['both.test']), ['192.0.2.5']);
  equal(stage.reports.length, 4);
});

test('opening: without a route for a family no host of it is tried first', async (context) => {
  const noRoute: AttemptError = { kind: 'unreachable', text: 'connect ENETUNREACH', noRoute: true };
  const { send } = await world(context, ZONE, (address) => (isIpv6(address) ? noRoute : undefined));
  equal((await send('m1', ['mx6.test', 'mx4.test'])).length, 3);
  deepEqual(await send('m2', ['other.test', 'mx4.test']), ['192.0.2.4']);
});

test('opening: a host that answers has no broken family, and where none serves nothing is remembered', async (context) => {
  const refused: AttemptError = { kind: 'refused', text: 'connect ECONNREFUSED' };
  const { send } = await world(context, ZONE, (address) => (isIpv6(address) ? refused : undefined));
  equal((await send('m1', ['mx6.test', 'mx4.test'])).length, 3);
  equal((await send('m2', ['mx6.test', 'mx4.test'])).length, 3);
  const dead = await world(context, ZONE, () => TIMEOUT);
  deepEqual(await dead.send('m3', ['both.test']), ['192.0.2.5', '2001:db8::5']);
  deepEqual(await dead.send('m4', ['both.test']), ['192.0.2.5', '2001:db8::5']);
});

test('opening: without IPv6 its addresses are not dialled', async (context) => {
  const { send, stage } = await world(context, ZONE, () => undefined);
  const without = ['ipv6'] as const;
  deepEqual(await send('m1', ['mx6.test', 'both.test'], { without }), ['192.0.2.5']);
  deepEqual(await send('m2', ['mx6.test'], { without }), []);
  equal(stage.closed.at(-1)?.failure?.error?.text, 'mx6.test has no IPv4 address');
});

test('opening: an address is claimed before it is dialled, then the next, and what none lets in is given back', async (context) => {
  const { stage, dialled, sink } = await world(context, ZONE, () => undefined);
  const { commands } = stage.egress;
  const grant = (session: string): SessionGrant => {
    const hosts = ['mx4.test', 'both.test'].map((name) => ({ name, port: sink.port }));
    return grantTo(sink.port, { session, relay: { ...relayTo([]), hosts }, claimsAddress: true });
  };
  const claimed = async (count: number): Promise<AddressClaim> => {
    await stage.until(() => stage.claims.length === count);
    return stage.claims.at(-1) as AddressClaim;
  };
  commands.open(grant('s1'));
  commands.deliver('s1', stage.attempt('m1', 'Subject: x\r\n\r\nx\r\n'));
  const first = await claimed(1);
  deepEqual([first.session, dialled, stage.egress.hello().sessions], ['s1', [], [grant('s1')]]);
  commands.claimed(first, false);
  const second = await claimed(2);
  deepEqual([first.address, second.address], [`192.0.2.4:${sink.port}`, `192.0.2.5:${sink.port}`]);
  // Of the first, late and twice.
  commands.claimed(first, true);
  commands.claimed(second, true);
  deepEqual(stage.egress.hello().sessions, [{ ...grant('s1'), address: second.address }]);
  await stage.until(() => stage.reports.length === 1);
  deepEqual(dialled, ['192.0.2.5']);

  commands.open(grant('s2'));
  commands.deliver('s2', stage.attempt('m2', 'Subject: x\r\n\r\nx\r\n'));
  for (const n of [3, 4, 5]) commands.claimed(await claimed(n), false);
  await stage.until(() => stage.closed.length === 1);
  deepEqual(stage.closed, [{ session: 's2', why: 'capped', notBegun: ['a-m2'] }]);

  commands.open(grant('s3'));
  commands.deliver('s3', stage.attempt('m3', 'Subject: x\r\n\r\nx\r\n'));
  const late = await claimed(6);
  commands.close('s3');
  deepEqual(stage.closed.at(-1), { session: 's3', why: 'quit', notBegun: ['a-m3'] });
  commands.claimed(late, true);
  equal(dialled.length, 1);
});

test('opening: an address is claimed once the end of the connection to the one before was seen', async () => {
  const listeners: WireListener[] = [];
  const dialer: Dialer = {
    dial: (_, listener) => {
      listeners.push(listener);
      return NO_WIRE;
    },
  };
  const clock = new FakeClock();
  const stage = startStage({}, { dialer }, clock);
  const { commands } = stage.egress;
  commands.open(grantTo(0, { session: 's1', relay: relayTo([1025, 1026]), claimsAddress: true }));
  commands.deliver('s1', stage.attempt('m1', 'Subject: x\r\n\r\nx\r\n'));
  await clock.advance(0);
  commands.claimed(stage.claims[0] as AddressClaim, true);
  await clock.advance(0);
  listeners[0]?.connected();
  listeners[0]?.octets(Buffer.from('554 5.3.2 not now\r\n'));
  await clock.advance(1);
  // It has refused us, and has not closed.
  equal(stage.claims.length, 1);
  listeners[0]?.ended();
  listeners[0]?.closed();
  await clock.advance(0);
  equal(stage.claims.length, 2);
  equal(stage.egress.hello().sessions[0]?.address, undefined);
  await stage.egress.stop();
  equal(clock.pending, 0);
});
