// The life of a session: where it connects, what it gives back, how it ends, what is remembered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { EGRESS_DEFAULTS } from '../../src/egress/options.ts';
import { createResolver } from '../../src/net/resolver.ts';
import { a, startDns, startSink } from '../support/fake-net.ts';
import { grantTo, recipient, relayTo, startStage } from './stage.ts';

const CONTENT = 'Subject: x\r\n\r\nhello\r\n';
const { timeouts } = EGRESS_DEFAULTS;

/** A port nobody listens on. */
async function deadPort(): Promise<number> {
  const sink = await startSink();
  await sink.close();
  return sink.port;
}

test('egress session: a dead or refusing host is followed by the next one', async () => {
  const refusing = await startSink({ script: (verb) => (verb === 'GREETING' ? '554 no' : undefined) });
  const sink = await startSink();
  const stage = startStage();
  const relay = relayTo([await deadPort(), refusing.port, sink.port]);
  stage.egress.commands.open(grantTo(0, { relay }));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
  await stage.until(() => stage.reports.length === 1);
  assert.equal(stage.reports[0]?.remote?.port, sink.port);
  assert.equal(refusing.connections, 1);
  await stage.egress.stop();
  await Promise.all([refusing.close(), sink.close()]);
});

test('egress session: of two addresses of one host a dead one, whichever comes first, costs a refusal and not the message', async () => {
  const sink = await startSink();
  for (let seed = 1; seed <= 8; seed++) {
    const dns = await startDns({ zone: { 'A h.test': [a('h.test', '127.0.0.9'), a('h.test', '127.0.0.1')] } });
    const random = seededRandom(seed);
    const stage = startStage(
      {},
      { random, resolver: createResolver({ servers: [dns.server] }, { clock: systemClock, random }) },
    );
    const hosts = [{ name: 'h.test', port: sink.port }];
    stage.egress.commands.open(grantTo(0, { relay: { ...relayTo([0]), hosts } }));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.reports.length + stage.closed.length > 0);
    assert.equal(stage.reports[0]?.results[0]?.reply?.code, 250, `seed ${seed}`);
    assert.equal(stage.reports[0]?.remote?.address, '127.0.0.1');
    await stage.egress.stop();
    await dns.close();
  }
  assert.equal(sink.messages.length, 8);
  await sink.close();
});

test('egress session: at most five addresses and two greetings are tried, and a reply tells more than an error', async () => {
  const dead = await deadPort();
  const refusing = await startSink({ script: (verb) => (verb === 'GREETING' ? '421 4.7.0 busy' : undefined) });
  const sink = await startSink();
  for (const [ports, greetings, phase] of [
    [[dead, refusing.port, refusing.port, refusing.port, sink.port], 2, 'greeting'],
    [[dead, dead, dead, dead, dead, sink.port], 0, 'connect'],
  ] as const) {
    // The same address and port counts once: every port gets a name of its own.
    const zone = Object.fromEntries(ports.map((_, at) => [`A h${at}.test`, [a(`h${at}.test`, `127.0.0.${at + 1}`)]]));
    const dns = await startDns({ zone });
    const deps = { clock: systemClock, random: seededRandom(1) };
    const stage = startStage({}, { resolver: createResolver({ servers: [dns.server] }, deps) });
    const hosts = ports.map((port, at) => ({ name: `h${at}.test`, port }));
    const before = refusing.connections;
    const local = await Promise.all(
      [...new Set(ports)].filter((port) => port === refusing.port).map((port) => listenOnMany(port, ports.length)),
    );
    stage.egress.commands.open(grantTo(0, { relay: { ...relayTo([0]), hosts } }));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.closed.length === 1);
    assert.equal(stage.closed[0]?.failure?.phase, phase);
    assert.equal(sink.connections, 0);
    const more = local.flat().reduce((sum, one) => sum + one.connections, 0);
    assert.equal(refusing.connections - before + more, greetings);
    await Promise.all([dns.close(), ...local.flat().map((one) => one.close())]);
  }
  await Promise.all([refusing.close(), sink.close()]);
});

/** The same refusal at 127.0.0.2, 127.0.0.3 … */
async function listenOnMany(port: number, count: number) {
  const script = (verb: string) => (verb === 'GREETING' ? '421 4.7.0 busy' : undefined);
  return await Promise.all(
    Array.from({ length: count - 1 }, (_, at) => startSink({ host: `127.0.0.${at + 2}`, port, script })),
  );
}

test('egress session: after the last that its connection may have it ends without being told', async () => {
  const sink = await startSink();
  const stage = startStage();
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
  stage.egress.commands.deliver('life-1', { ...stage.attempt('m2', CONTENT), isLast: true });
  await stage.until(() => stage.closed.length === 1);
  assert.deepEqual(
    stage.reports.map(({ attempt }) => attempt),
    ['a-m1', 'a-m2'],
  );
  assert.deepEqual(stage.closed, [{ session: 'life-1', why: 'quit', notBegun: [] }]);
  assert.equal(sink.lines.at(-1), '1 QUIT');
  // The scheduler says so too: it is over by then.
  stage.egress.commands.close('life-1');
  await sink.close();
});

test('egress session: what was granted behind the last, by a new scheduler, comes back, also when the last is damaged', async () => {
  for (const damaged of [undefined, 'at once'] as const) {
    const sink = await startSink();
    const stage = startStage();
    stage.egress.commands.open(grantTo(sink.port));
    const last = stage.attempt('m1', CONTENT, damaged && { damaged });
    stage.egress.commands.deliver('life-1', { ...last, isLast: true });
    stage.egress.commands.deliver('life-1', stage.attempt('m2', CONTENT));
    await stage.until(() => stage.closed.length === 1);
    assert.deepEqual(stage.closed, [{ session: 'life-1', why: 'quit', notBegun: ['a-m2'] }]);
    assert.equal(stage.reports.length, 1);
    await sink.close();
  }
});

test('egress session: one that was to be the last and is recalled ends nothing', async () => {
  const sink = await startSink();
  const stage = startStage();
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
  stage.egress.commands.deliver('life-1', { ...stage.attempt('m2', CONTENT), isLast: true });
  stage.egress.commands.recall('life-1');
  stage.egress.commands.deliver('life-1', stage.attempt('m3', CONTENT));
  await stage.until(() => stage.reports.length === 1);
  assert.deepEqual([stage.reports[0]?.attempt, stage.closed], ['a-m3', []]);
  await stage.egress.stop();
  await sink.close();
});

test('egress session: hosts found by DNS are not connected on loopback or private addresses; a route may', async () => {
  const sink = await startSink();
  const zone = {
    'A loop.test': [a('loop.test', '127.0.0.1')],
    'A private.test': [a('private.test', '10.1.2.3'), a('private.test', '169.254.169.254')],
    'AAAA mapped.test': [a('mapped.test', '::ffff:127.0.0.1')],
  };
  const dns = await startDns({ zone });
  const deps = { clock: systemClock, random: seededRandom(1) };
  const stage = startStage({ idleMs: 1 }, { resolver: createResolver({ servers: [dns.server] }, deps) });
  for (const [name, explicit] of [
    ['loop.test', false],
    ['private.test', false],
    ['mapped.test', false],
    ['loop.test', true],
    ['localhost', true],
  ] as const) {
    const session = `${name} ${explicit}`;
    const relay = { ...relayTo([0]), hosts: [{ name, port: sink.port }], explicit };
    stage.egress.commands.open(grantTo(0, { session, relay }));
    stage.egress.commands.deliver(session, stage.attempt(session, CONTENT));
    await stage.until(() => stage.closed.some((one) => one.session === session));
    const closed = stage.closed.find((one) => one.session === session);
    assert.equal(closed?.failure?.error?.kind, explicit ? undefined : 'forbidden-address', session);
  }
  assert.equal(sink.connections, 2);
  await Promise.all([dns.close(), sink.close()]);
});

test('egress session: without an address, or with DNS in trouble, the failure is of phase dns', async () => {
  const dns = await startDns({ zone: { 'A trouble.test': 'servfail', 'AAAA trouble.test': 'servfail' } });
  const deps = { clock: systemClock, random: seededRandom(1) };
  const stage = startStage({}, { resolver: createResolver({ servers: [dns.server] }, deps) });
  for (const [name, kind] of [
    ['gone.test', 'unreachable'],
    ['trouble.test', 'timeout'],
  ] as const) {
    const relay = { ...relayTo([0]), hosts: [{ name, port: 25 }], explicit: false };
    stage.egress.commands.open(grantTo(0, { session: name, relay }));
    stage.egress.commands.deliver(name, stage.attempt(name, CONTENT));
    await stage.until(() => stage.closed.some((one) => one.session === name));
    const failure = stage.closed.find((one) => one.session === name)?.failure;
    assert.deepEqual([failure?.phase, failure?.error?.kind], ['dns', kind]);
  }
  await dns.close();
});

test('egress session: mail leaves from the source’s address', async () => {
  const seen: (string | undefined)[] = [];
  const sink = await startSink({
    script: (verb, line, { socket }) => {
      if (verb === 'EHLO') seen.push(line, socket.remoteAddress);
      return undefined;
    },
  });
  const stage = startStage({ idleMs: 1 });
  const source = { name: 'second', address: '127.0.0.77', ehlo: 'second.test' };
  stage.egress.commands.open(grantTo(sink.port, { source }));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
  await stage.until(() => stage.closed.length === 1);
  assert.deepEqual(seen, ['EHLO second.test', '127.0.0.77']);
  assert.equal(stage.reports[0]?.source, 'second');
  await sink.close();
});

test('egress session: close gives back what is not begun, ends what is, and says closed when the peer has closed', async () => {
  let answer: (() => void) | undefined;
  const sink = await startSink({
    script: (verb, _, { socket }) => {
      if (verb !== 'DOT') return undefined;
      answer = () => socket.write('250 ok\r\n');
      return { raw: '' };
    },
  });
  const stage = startStage();
  stage.egress.commands.open(grantTo(sink.port));
  for (const id of ['m1', 'm2', 'm3']) stage.egress.commands.deliver('life-1', stage.attempt(id, CONTENT));
  while (answer === undefined) await new Promise((resolve) => setImmediate(resolve));
  stage.egress.commands.close('life-1');
  stage.egress.commands.close('life-1');
  assert.deepEqual([stage.reports.length, stage.closed.length], [0, 0]);
  answer();
  await stage.until(() => stage.closed.length === 1);
  assert.equal(stage.reports[0]?.results[0]?.reply?.code, 250);
  assert.deepEqual(stage.closed, [{ session: 'life-1', why: 'quit', notBegun: ['a-m2', 'a-m3'] }]);
  assert.equal(sink.lines.at(-1), '1 QUIT');
  await sink.close();
});

test('egress session: what does not end in time after close is given back before the dot, told after it', async () => {
  for (const [verb, isTold] of [
    ['RCPT', false],
    ['DOT', true],
  ] as const) {
    let isThere = false;
    const sink = await startSink({
      script: (one) => {
        if (one !== verb) return undefined;
        isThere = true;
        return 'silence';
      },
    });
    const stage = startStage({ finishMs: 20, timeouts: { ...timeouts, closeMs: 20 } });
    stage.egress.commands.open(grantTo(sink.port));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    while (!isThere) await new Promise((resolve) => setImmediate(resolve));
    await stage.egress.stop();
    assert.deepEqual(
      stage.reports.map((report) => report.mayHaveBeenDelivered),
      isTold ? [true] : [],
    );
    assert.deepEqual(stage.closed[0]?.notBegun, isTold ? [] : ['a-m1']);
    await sink.close();
  }
});

test('egress session: a peer that never closes holds the slot so long and no longer', async () => {
  const script = (verb: string) => (verb === 'QUIT' ? { raw: '221 bye\r\n' } : undefined);
  const sink = await startSink({ script, isHalfOpen: true });
  for (const [closeMs, isPatient] of [
    [30, false],
    [60_000, true],
  ] as const) {
    const stage = startStage({ idleMs: 1, timeouts: { ...timeouts, closeMs } });
    stage.egress.commands.open(grantTo(sink.port));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.reports.length === 1);
    if (isPatient) {
      while (!sink.lines.some((line) => line === '2 QUIT')) await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(stage.closed.length, 0, 'the peer has not closed yet');
      await sink.close();
    }
    await stage.until(() => stage.closed.length === 1);
    assert.deepEqual(stage.closed[0], { session: 'life-1', why: 'idle', notBegun: [] });
  }
});

test('egress session: closed before it connected, in the middle of connecting, and never used', async () => {
  const sink = await startSink({ script: (verb) => (verb === 'GREETING' ? 'silence' : undefined) });
  const stage = startStage({ timeouts: { ...timeouts, closeMs: 20 } });
  const { commands } = stage.egress;
  commands.open(grantTo(sink.port, { session: 'unused' }));
  commands.close('unused');
  assert.deepEqual(stage.closed[0], { session: 'unused', why: 'quit', notBegun: [] });
  commands.open(grantTo(sink.port, { session: 'waiting' }));
  commands.deliver('waiting', stage.attempt('m1', CONTENT));
  while (sink.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  commands.close('waiting');
  await stage.until(() => stage.closed.length === 2);
  assert.deepEqual(stage.closed[1], { session: 'waiting', why: 'quit', notBegun: ['a-m1'] });
  commands.deliver('waiting', stage.attempt('m2', CONTENT));
  assert.deepEqual(stage.closed[2], { session: 'waiting', why: 'quit', notBegun: ['a-m2'] });
  await sink.close();
});

test('egress session: hello tells sessions, what is held and what is not acknowledged', async () => {
  let isThere = false;
  const sink = await startSink({
    script: (verb, _, { count }) => {
      if (verb !== 'DOT' || count < 2) return undefined;
      isThere = true;
      return 'silence';
    },
  });
  const stage = startStage({ finishMs: 1, timeouts: { ...timeouts, closeMs: 1 } });
  const grant = grantTo(sink.port);
  stage.egress.commands.open(grant);
  for (const id of ['m1', 'm2', 'm3']) stage.egress.commands.deliver('life-1', stage.attempt(id, CONTENT));
  while (!isThere) await new Promise((resolve) => setImmediate(resolve));
  const hello = stage.egress.hello();
  assert.deepEqual(hello.sessions, [grant]);
  assert.deepEqual(
    hello.held.map(({ session, attempt }) => [session, attempt]),
    [
      ['life-1', 'a-m2'],
      ['life-1', 'a-m3'],
    ],
  );
  assert.deepEqual(
    hello.unacknowledged.map(({ attempt }) => attempt),
    ['a-m1'],
  );
  stage.egress.commands.acknowledge(['a-m1']);
  assert.equal(stage.egress.hello().unacknowledged.length, 0);
  await stage.egress.stop();
  assert.deepEqual(stage.egress.hello().sessions, []);
  await sink.close();
});

test('egress session: a damaged record is never sent, and the session goes on', async () => {
  const sink = await startSink();
  const stage = startStage();
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT, { damaged: 'at once' }));
  stage.egress.commands.deliver('life-1', stage.attempt('m2', CONTENT));
  await stage.until(() => stage.reports.length === 2);
  assert.deepEqual(
    stage.reports.map(({ results }) => results[0]?.error?.kind ?? results[0]?.reply?.code),
    ['damaged', 250],
  );
  assert.equal(sink.messages.length, 1);
  await stage.egress.stop();
  await sink.close();
});

test('egress session: large content is streamed, and damage on the way leaves the final dot unsent', async () => {
  const content = `Subject: x\r\n\r\n${'.0123456789abcdef\r\n'.repeat(100_000)}`;
  const sink = await startSink();
  const stage = startStage({ timeouts: { ...timeouts, closeMs: 20 } });
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', content, { isStreamed: true }));
  stage.egress.commands.deliver('life-1', stage.attempt('m2', content, { isStreamed: true, damaged: 'on the way' }));
  await stage.until(() => stage.closed.length === 1);
  assert.ok(sink.messages[0]?.content.equals(Buffer.from(content)));
  assert.equal(sink.messages.length, 1);
  const [first] = stage.reports[1]?.results ?? [];
  assert.deepEqual([first?.decidedAt, first?.error?.kind], ['data', 'damaged']);
  assert.equal(stage.reports[1]?.mayHaveBeenDelivered, false);
  await sink.close();
});

test('egress session: signature fields go in front, and count for SIZE', async () => {
  const sink = await startSink();
  const field = Buffer.from('DKIM-Signature: v=1\r\n');
  const stage = startStage({ idleMs: 1 }, { sign: async () => field });
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', `.${CONTENT}`));
  await stage.until(() => stage.closed.length === 1);
  assert.equal(sink.messages[0]?.content.toString(), `DKIM-Signature: v=1\r\n.${CONTENT}`);
  assert.match(sink.messages[0]?.mail ?? '', new RegExp(` SIZE=${CONTENT.length + 1 + field.length}$`));
  await sink.close();
});

test('egress session: only the attempt’s recipients are named, and refusals keep the session', async () => {
  const sink = await startSink({ script: (_, line) => (line.includes('bad@') ? '550 5.1.1 no' : undefined) });
  const stage = startStage({ idleMs: 1 });
  stage.egress.commands.open(grantTo(sink.port));
  const forwardPaths = ['other@example.org', 'bad@example.net', 'good@example.net'].map((one) => recipient(one));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT, { forwardPaths, indexes: [1] }));
  stage.egress.commands.deliver('life-1', stage.attempt('m2', CONTENT, { forwardPaths, indexes: [2, 1] }));
  await stage.until(() => stage.closed.length === 1);
  assert.deepEqual(
    stage.reports.map(({ results }) => results.map(({ index, reply }) => [index, reply?.code])),
    [
      [[1, 550]],
      [
        [2, 250],
        [1, 550],
      ],
    ],
  );
  assert.deepEqual(sink.messages[0]?.rcpts, ['RCPT TO:<good@example.net>']);
  assert.equal(sink.connections, 1);
  await sink.close();
});

test('egress session: a server without PIPELINING is spoken to one command at a time', async () => {
  const sink = await startSink({ extensions: [] });
  const stage = startStage({ idleMs: 1 });
  stage.egress.commands.open(grantTo(sink.port));
  for (const id of ['m1', 'm2']) stage.egress.commands.deliver('life-1', stage.attempt(id, CONTENT));
  await stage.until(() => stage.closed.length === 1);
  assert.equal(sink.messages.length, 2);
  assert.equal(stage.reports.length, 2);
  await sink.close();
});

test('egress session: what is recalled is given back at once and never begun; the connection goes on', async () => {
  const held: (() => void)[] = [];
  const sink = await startSink({
    script: (verb, _, { socket }) => {
      if (verb !== 'DOT') return undefined;
      held.push(() => void socket.write('250 ok\r\n'));
      return { raw: '' };
    },
  });
  const stage = startStage();
  const { commands } = stage.egress;
  commands.open(grantTo(sink.port));
  commands.deliver('life-1', stage.attempt('m0', CONTENT));
  commands.recall('life-1');
  assert.deepEqual(stage.returned, [{ session: 'life-1', notBegun: ['a-m0'] }], 'not begun while it was being opened');
  commands.deliver('life-1', stage.attempt('m1', CONTENT));
  commands.deliver('life-1', stage.attempt('m2', CONTENT));
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  commands.recall('life-1');
  commands.recall('life-1');
  commands.recall('nobody');
  assert.deepEqual(
    stage.returned.slice(1).map(({ notBegun }) => notBegun),
    [['a-m2'], []],
  );
  held[0]?.();
  await stage.until(() => stage.reports.length === 1);
  commands.deliver('life-1', stage.attempt('m3', CONTENT));
  while (held.length === 1) await new Promise((resolve) => setImmediate(resolve));
  held[1]?.();
  await stage.until(() => stage.reports.length === 2);
  assert.deepEqual(
    stage.reports.map(({ attempt }) => attempt),
    ['a-m1', 'a-m3'],
  );
  assert.equal(sink.connections, 1);
  await stage.egress.stop();
  await sink.close();
});
