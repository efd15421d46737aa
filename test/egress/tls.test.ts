// TLS towards servers: used when offered, done without when it breaks, insisted on when it must be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { EgressDeps } from '../../src/egress/egress.ts';
import type { Relay, TlsPolicy } from '../../src/flow/route.ts';
import { createDialer } from '../../src/net/dialer.ts';
import { CERTIFICATE, PRIVATE_KEY } from '../config/certificate.ts';
import { type Sink, type SinkOptions, startSink } from '../support/fake-net.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { EGRESS_DEFAULTS } from '../../src/egress/options.ts';
import { grantTo, relayTo, type Stage, type StageMessage, startStage } from './stage.ts';

const CONTENT = 'Subject: x\r\n\r\nhello\r\n';
const PEM = { key: PRIVATE_KEY, cert: CERTIFICATE };
const trusting = (): Partial<EgressDeps> => ({ dialer: createDialer(systemClock, { authorities: [CERTIFICATE] }) });

/** Says 220 to STARTTLS and answers the ClientHello in plain text. */
const garbled: NonNullable<SinkOptions['script']> = (verb, _, { socket }) => {
  if (verb !== 'STARTTLS') return undefined;
  socket.once('data', () => socket.write('what?\r\n'));
  return { raw: '220 go\r\n' };
};

interface Played {
  readonly sink: Sink;
  readonly stage: Stage;
}

async function play(
  sinkOptions: SinkOptions,
  tls: TlsPolicy = { level: 'opportunistic' },
  deps: Partial<EgressDeps> = {},
  message: StageMessage & { requireTls?: boolean } = {},
): Promise<Played> {
  const sink = await startSink(sinkOptions);
  const stage = startStage({ idleMs: 1 }, deps);
  const relay: Relay = relayTo([sink.port], { tls });
  stage.egress.commands.open(grantTo(sink.port, { relay }));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT, message));
  await stage.until(() => stage.closed.length === 1);
  await sink.close();
  return { sink, stage };
}

test('egress TLS: STARTTLS when offered, whatever the certificate, and the facts are reported', async () => {
  const { sink, stage } = await play({ tls: PEM });
  assert.deepEqual([sink.messages[0]?.isTls, sink.messages[0]?.content.toString()], [true, CONTENT]);
  assert.deepEqual(stage.reports[0]?.tls, { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', reused: false });
  assert.deepEqual(
    sink.lines.map((line) => line.split(/[ :]/)[1]),
    ['EHLO', 'STARTTLS', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.', 'QUIT'],
  );
});

test('egress TLS: a kept TLS session carries many messages, large ones too', async () => {
  const sink = await startSink({ tls: PEM });
  const stage = startStage({ idleMs: 1 });
  stage.egress.commands.open(grantTo(sink.port));
  const large = `Subject: x\r\n\r\n${'.0123456789\r\n'.repeat(60_000)}`;
  for (const content of [CONTENT, large, CONTENT]) {
    stage.egress.commands.deliver('life-1', stage.attempt(`m${content.length}`, content));
  }
  await stage.until(() => stage.closed.length === 1);
  assert.deepEqual(
    sink.messages.map(({ content }) => content.toString()),
    [CONTENT, large, CONTENT],
  );
  assert.equal(sink.connections, 1);
  await sink.close();
});

test('egress TLS: a session ticket is used for the next connection', async () => {
  const sink = await startSink({ tls: PEM });
  const stage = startStage({ idleMs: 1 });
  for (const session of ['s1', 's2']) {
    stage.egress.commands.open(grantTo(sink.port, { session }));
    stage.egress.commands.deliver(session, stage.attempt(session, CONTENT));
    await stage.until(() => stage.closed.some((closed) => closed.session === session));
  }
  assert.deepEqual(
    stage.reports.map(({ tls }) => tls?.reused),
    [false, true],
  );
  assert.equal(sink.messages.length, 2);
  await sink.close();
});

test('egress TLS: a broken handshake is followed by plain delivery, and the host is remembered', async () => {
  const sink = await startSink({ extensions: ['PIPELINING', 'STARTTLS'], script: garbled });
  const stage = startStage({ idleMs: 1 });
  for (const session of ['s1', 's2']) {
    stage.egress.commands.open(grantTo(sink.port, { session }));
    stage.egress.commands.deliver(session, stage.attempt(session, CONTENT));
    await stage.until(() => stage.closed.some((closed) => closed.session === session));
  }
  assert.deepEqual(
    sink.messages.map(({ isTls }) => isTls),
    [false, false],
  );
  assert.deepEqual(
    stage.reports.map(({ tls }) => tls),
    [undefined, undefined],
  );
  assert.equal(sink.connections, 3, 'one with the broken handshake, then two without');
  await sink.close();
});

test('egress TLS: a host whose handshake broke is spoken to with TLS again after an hour', async () => {
  let isBroken = true;
  const sink = await startSink({ tls: PEM, script: (...args) => (isBroken ? garbled(...args) : undefined) });
  const clock = new FakeClock();
  const stage = startStage({}, {}, clock);
  const send = async (session: string): Promise<void> => {
    stage.egress.commands.open(grantTo(sink.port, { session }));
    stage.egress.commands.deliver(session, stage.attempt(session, CONTENT));
    await stage.until(() => stage.reports.some((report) => report.session === session));
    stage.egress.commands.close(session);
    await stage.until(() => stage.closed.some((closed) => closed.session === session));
  };
  await send('s1');
  isBroken = false;
  await send('s2');
  await clock.advance(EGRESS_DEFAULTS.plainMs);
  await send('s3');
  assert.deepEqual(
    sink.messages.map(({ isTls }) => isTls),
    [false, false, true],
  );
  await sink.close();
});

test('egress TLS: a host that was to be spoken to plainly and insists on STARTTLS has TLS with the next connection', async (t) => {
  let isBroken = true;
  const sink = await startSink({
    tls: PEM,
    script: (verb, line, session) => {
      if (isBroken) return garbled(verb, line, session);
      const isMail = ['MAIL', 'RCPT', 'DATA'].includes(verb);
      return isMail && !session.isTls ? '530 5.7.0 Must issue a STARTTLS command first' : undefined;
    },
  });
  t.after(() => sink.close());
  const stage = startStage({ idleMs: 1 });
  const send = async (session: string, ids: readonly string[]): Promise<void> => {
    // A lane is held after a refusal until the scheduler has heard of it, and here nobody listens.
    stage.egress.commands.open(grantTo(sink.port, { session, lane: session }));
    for (const id of ids) stage.egress.commands.deliver(session, stage.attempt(id, CONTENT));
    await stage.until(() => stage.closed.some((closed) => closed.session === session));
  };
  await send('s1', ['m1']);
  isBroken = false;
  // What waits behind the one that was refused goes by the next connection.
  await send('s2', ['m2', 'm3']);
  await send('s3', ['m2', 'm3']);
  assert.deepEqual(
    stage.reports.map(({ session, results, tlsLeftOut }) => [session, results[0]?.reply?.code, tlsLeftOut]),
    [
      ['s1', 250, true],
      ['s2', 530, true],
      ['s3', 250, undefined],
      ['s3', 250, undefined],
    ],
  );
  assert.deepEqual(stage.closed[1]?.notBegun, ['a-m3']);
  assert.deepEqual(
    sink.messages.map(({ isTls }) => isTls),
    [false, true, true],
  );
});

test('egress TLS: left out by a grant only where it may be missing', async (t) => {
  for (const level of ['opportunistic', 'required'] as const) {
    const sink = await startSink({ tls: PEM });
    t.after(() => sink.close());
    const stage = startStage({ idleMs: 1 }, trusting());
    stage.egress.commands.open(
      grantTo(sink.port, { relay: relayTo([sink.port], { tls: { level } }), without: ['tls'] }),
    );
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.closed.length === 1);
    assert.deepEqual(
      [sink.messages.map(({ isTls }) => isTls), stage.reports[0]?.tlsLeftOut],
      level === 'required' ? [[true], undefined] : [[false], true],
    );
  }
});

test('egress TLS: required and not offered, refused or broken, nothing is sent', async () => {
  const script: NonNullable<SinkOptions['script']> = (verb) => (verb === 'STARTTLS' ? '454 4.7.0 no' : undefined);
  for (const [options, want] of [
    [{}, 'tls'],
    [{ tls: PEM, script }, 454],
    [{ extensions: ['STARTTLS'], script: garbled }, 'tls'],
  ] as const satisfies readonly (readonly [SinkOptions, unknown])[]) {
    const { sink, stage } = await play(options, { level: 'required' });
    const { failure, notBegun } = stage.closed[0] ?? {};
    assert.deepEqual([failure?.phase, failure?.reply?.code ?? failure?.error?.kind], ['starttls', want]);
    assert.deepEqual(notBegun, ['a-m1']);
    assert.equal(sink.messages.length, 0);
  }
});

test('egress TLS: plain octets behind the reply to STARTTLS are never read as part of the session', async () => {
  const script: NonNullable<SinkOptions['script']> = (verb) =>
    verb === 'STARTTLS' ? { raw: '220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n' } : undefined;
  const { stage, sink } = await play({ extensions: ['STARTTLS'], script }, { level: 'required' });
  assert.deepEqual([stage.closed[0]?.failure?.phase, stage.closed[0]?.failure?.error?.kind], ['starttls', 'tls']);
  assert.equal(sink.messages.length, 0);
});

test('egress TLS: never, when the route says none', async () => {
  const { sink } = await play({ tls: PEM }, { level: 'none' });
  assert.equal(sink.messages[0]?.isTls, false);
});

test('egress TLS: from the first octet on an implicit port', async () => {
  const { sink, stage } = await play({ tls: PEM, isImplicitTls: true }, { level: 'required', implicit: true });
  assert.equal(sink.messages[0]?.isTls, true);
  assert.equal(stage.reports[0]?.tls?.version, 'TLSv1.3');
  assert.equal(sink.lines.filter((line) => line.includes('STARTTLS')).length, 0);
});

test('egress TLS: REQUIRETLS goes only over a verified certificate and the extension', async () => {
  const extensions = ['PIPELINING', 'REQUIRETLS'];
  const sent = await play({ tls: PEM, extensions }, undefined, trusting(), { requireTls: true });
  assert.match(sent.sink.messages[0]?.mail ?? '', / REQUIRETLS$/);
  const unverified = await play({ tls: PEM, extensions }, undefined, {}, { requireTls: true });
  const without = await play({ tls: PEM, extensions: [] }, undefined, trusting(), { requireTls: true });
  const plain = await play({ extensions }, undefined, trusting(), { requireTls: true });
  for (const { sink, stage } of [unverified, without, plain]) {
    assert.equal(stage.reports[0]?.results[0]?.error?.kind, 'no-requiretls');
    assert.equal(sink.messages.length, 0);
  }
});

test('egress TLS: credentials of a smart host go over TLS, and a refusal of them is told', async () => {
  for (const [answer, want] of [
    ['235 2.7.0 welcome', undefined],
    ['535 5.7.8 no', 535],
  ] as const) {
    const sink = await startSink({
      tls: PEM,
      extensions: ['AUTH PLAIN LOGIN'],
      script: (verb) => (verb === 'AUTH' ? answer : undefined),
    });
    const stage = startStage({ idleMs: 1 }, { credentials: () => ({ user: 'me', password: 'secret' }) });
    const relay = relayTo([sink.port], { credentials: 'smart', tls: { level: 'required' } });
    stage.egress.commands.open(grantTo(sink.port, { relay }));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.closed.length === 1);
    assert.equal(stage.closed[0]?.failure?.reply?.code, want);
    assert.ok(sink.lines.includes(`1 AUTH PLAIN ${Buffer.from('\0me\0secret').toString('base64')}`));
    await sink.close();
  }
});

test('egress TLS: what breaks inside TLS is settled by state, as without', async () => {
  for (const [verb, answer, want] of [
    ['MAIL', 'close', 'mail closed false'],
    ['MAIL', 'reset', 'mail closed false'],
    ['DATA', '421 bye', 'data 421 false'],
    ['DOT', 'close', 'dot closed true'],
    ['DOT', 'reset', 'dot closed true'],
    ['QUIT', 'reset', 'dot 250 false'],
  ] as const) {
    const { stage } = await play({ tls: PEM, script: (one) => (one === verb ? answer : undefined) });
    const [result] = stage.reports[0]?.results ?? [];
    const told = `${result?.decidedAt} ${result?.reply?.code ?? result?.error?.kind}`;
    assert.equal(`${told} ${stage.reports[0]?.mayHaveBeenDelivered}`, want, `${verb} ${answer}`);
    assert.deepEqual(stage.closed[0]?.notBegun, []);
  }
});

test('egress TLS: what the grant leaves out is left out, said, and never where the route requires it', async () => {
  const without = ['tls'] as const;
  const one = async (tls: TlsPolicy, script?: SinkOptions['script']) => {
    const sink = await startSink({ tls: PEM, ...(script !== undefined && { script }) });
    const stage = startStage({ idleMs: 1 });
    const relay: Relay = relayTo([sink.port], { tls });
    stage.egress.commands.open(grantTo(sink.port, { relay, without }));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.closed.length === 1);
    await sink.close();
    return { isTls: sink.messages[0]?.isTls, said: stage.reports[0]?.tlsLeftOut };
  };
  assert.deepEqual(await one({ level: 'opportunistic' }), { isTls: false, said: true });
  assert.deepEqual(await one({ level: 'required' }), { isTls: true, said: undefined });
  assert.deepEqual(await one({ level: 'none' }), { isTls: false, said: undefined });
});
