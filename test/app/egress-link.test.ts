import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connectEgress, type EgressClient } from '../../src/app/egress-client.ts';
import { type EgressPeer, EgressServer } from '../../src/app/egress-server.ts';
import type { SchedulerDoor } from '../../src/app/scheduler-door.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Attempt, EgressHello, Report, SessionClosed, SessionGrant } from '../../src/flow/attempt.ts';
import type { Domain } from '../../src/flow/message.ts';
import type { MxTarget, RouteAnswer } from '../../src/flow/route.ts';
import { type Place, place, until } from './scheduler-link.ts';

interface Hand {
  readonly client: EgressClient;
  readonly commands: unknown[];
  readonly resolved: string[];
}

const EMPTY: EgressHello = { sessions: [], held: [], unacknowledged: [] };
const grant = { session: 's1', lane: 'l' } as SessionGrant;
const attempt = { attempt: 'a1' } as Attempt;
const report = { attempt: 'a1', session: 's1' } as Report;
const closed = { session: 's1', why: 'idle', notBegun: [] } satisfies SessionClosed;
const claim = { session: 's1', address: '192.0.2.1:25' };
const domain = 'example.org' as Domain;

function hand(t: TestContext, { path, clock }: Place, process: string, hello: () => EgressHello = () => EMPTY): Hand {
  const commands: unknown[] = [];
  const resolved: string[] = [];
  const client = connectEgress({
    path,
    process,
    pid: 1,
    clock,
    log: silentLog,
    hello,
    commands: {
      open: (...with_) => void commands.push(['open', ...with_]),
      deliver: (...with_) => void commands.push(['deliver', ...with_]),
      claimed: (...with_) => void commands.push(['claimed', ...with_]),
      recall: (...with_) => void commands.push(['recall', ...with_]),
      close: (...with_) => void commands.push(['close', ...with_]),
      acknowledge: (...with_) => void commands.push(['acknowledge', ...with_]),
    },
    router: {
      resolve(asked) {
        resolved.push(asked);
        return Promise.resolve({ domain: asked, route: { kind: 'discard', rule: process }, ttlMs: 5 });
      },
    },
  });
  t.after(() => client.close());
  return { client, commands, resolved };
}

function serve(door: SchedulerDoor, { clock }: Place) {
  const peers: EgressPeer[] = [];
  const heard: unknown[] = [];
  const server = new EgressServer({
    clock,
    joined(peer, hello) {
      peers.push(peer);
      heard.push([peer.process, 'hello', hello]);
      return {
        report: (said) => void heard.push([peer.process, 'report', said]),
        claim: (said) => void heard.push([peer.process, 'claim', said]),
        returned: (said) => void heard.push([peer.process, 'returned', said]),
        closed: (said) => void heard.push([peer.process, 'closed', said]),
      };
    },
    left: (peer) => void heard.push([peer.process, 'left']),
  });
  door.begin({ submission: () => {}, egress: (visitor) => server.take(visitor), control: () => {} });
  return { server, peers, heard };
}

const MX: MxTarget = { to: 'mx', tls: { level: 'opportunistic' } };

test('egress link: commands go down and reports come up, in order, after the hello', async (t) => {
  const here = place(t);
  const { peers, heard } = serve(await here.open(), here);
  const { client, commands } = hand(t, here, 'egress-1');
  await until(here.clock, () => peers.length === 1);
  const down = peers[0]?.commands;
  down?.open(grant);
  down?.deliver('s1', attempt);
  down?.claimed(claim, true);
  down?.acknowledge(['a0']);
  down?.recall('s1');
  down?.close('s1');
  client.reports.report(report);
  client.reports.claim(claim);
  client.reports.returned({ session: 's1', notBegun: ['a2'] });
  client.reports.closed(closed);
  await until(here.clock, () => commands.length === 6 && heard.length === 5);
  assert.deepEqual(commands, [
    ['open', grant],
    ['deliver', 's1', attempt],
    ['claimed', claim, true],
    ['acknowledge', ['a0']],
    ['recall', 's1'],
    ['close', 's1'],
  ]);
  assert.deepEqual(heard, [
    ['egress-1', 'hello', EMPTY],
    ['egress-1', 'report', report],
    ['egress-1', 'claim', claim],
    ['egress-1', 'returned', { session: 's1', notBegun: ['a2'] }],
    ['egress-1', 'closed', closed],
  ]);
});

test('egress link: a new scheduler first hears from everyone, with what each holds at that moment', async (t) => {
  const here = place(t);
  const unacknowledged: Report[] = [];
  const first = await here.open();
  const old = serve(first, here);
  const { client } = hand(t, here, 'egress-1', () => ({ ...EMPTY, unacknowledged: [...unacknowledged] }));
  await until(here.clock, () => old.peers.length === 1);
  await first.close();
  await until(here.clock, () => old.heard.length === 2);
  assert.deepEqual(old.heard.at(-1), ['egress-1', 'left']);
  unacknowledged.push(report);
  client.reports.report(report);
  const door = await here.open();
  const missing = door.gather(['egress-1', 'egress-2'], 5_000);
  await until(here.clock, () => door.hellos().length === 1, 10);
  // Behind its hello: must not be handed out before the scheduler serves, nor be lost.
  client.reports.closed(closed);
  await here.clock.advance(5_000);
  assert.deepEqual(await missing, ['egress-2']);
  const { heard } = serve(door, here);
  assert.deepEqual(heard, [
    ['egress-1', 'hello', { ...EMPTY, unacknowledged: [report] }],
    ['egress-1', 'closed', closed],
  ]);
  assert.deepEqual(await door.gather([], 1), []);
});

test('egress link: gathering ends with the last hello', async (t) => {
  const here = place(t);
  const door = await here.open();
  let missing: unknown;
  void door.gather(['egress-1', 'egress-2'], 5_000).then((names) => {
    missing = names;
  });
  hand(t, here, 'egress-1');
  hand(t, here, 'egress-2');
  await until(here.clock, () => missing !== undefined);
  assert.deepEqual(missing, []);
});

test('egress link: a domain is always asked of one process, and of another when that one leaves', async (t) => {
  const here = place(t);
  const { server, peers, heard } = serve(await here.open(), here);
  assert.equal((await server.router.resolve(domain, MX)).route.kind, 'unknown');
  const hands = [hand(t, here, 'egress-1'), hand(t, here, 'egress-2')];
  await until(here.clock, () => peers.length === 2);
  const names = new Set<string>();
  for (let turn = 0; turn < 5; turn++) names.add(ruleOf(await server.router.resolve(domain, MX)));
  assert.equal(names.size, 1);
  const domains = Array.from({ length: 20 }, (_, number) => `d${number}.example` as Domain);
  const rules = await Promise.all(domains.map(async (one) => ruleOf(await server.router.resolve(one, MX))));
  assert.equal(new Set(rules).size, 2);
  hands[names.has('egress-1') ? 0 : 1]?.client.close();
  await until(here.clock, () => heard.some((said) => Array.isArray(said) && said[1] === 'left'));
  assert.equal(names.has(ruleOf(await server.router.resolve(domain, MX))), false);
});

function ruleOf({ route }: RouteAnswer): string {
  return route.kind === 'discard' ? route.rule : '';
}
