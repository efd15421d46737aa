// Servers that lie, stall, babble and break: every one is settled by the state it came in, and nothing hangs or crashes.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { EgressOptions } from '../../src/egress/options.ts';
import { EGRESS_DEFAULTS } from '../../src/egress/options.ts';
import type { Report, SessionClosed } from '../../src/flow/attempt.ts';
import { type SinkAnswer, type SinkOptions, startSink } from '../support/fake-net.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { grantTo, startStage } from './stage.ts';

const MINUTE = 60_000;
const CONTENT = 'Subject: x\r\n\r\nhello\r\n';

/** Where a server is silent this is long enough; where it is not, the real time-outs hold, however slow the host. */
const SHORT = 60;
const { timeouts } = EGRESS_DEFAULTS;
const IMPATIENT: Partial<EgressOptions> = {
  timeouts: {
    ...timeouts,
    greetingMs: SHORT,
    ehloMs: SHORT,
    mailMs: SHORT,
    dotMs: SHORT,
    quitMs: SHORT,
    closeMs: SHORT,
  },
};
const PATIENT: Partial<EgressOptions> = { timeouts: { ...timeouts, closeMs: SHORT } };

const at =
  (wanted: string, answer: SinkAnswer): NonNullable<SinkOptions['script']> =>
  (verb) =>
    verb === wanted ? answer : undefined;

async function play(script: NonNullable<SinkOptions['script']>, options = PATIENT) {
  const sink = await startSink({ script });
  const stage = startStage({ ...options, idleMs: 1 });
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
  await stage.until(() => stage.closed.length === 1);
  await sink.close();
  return { report: stage.reports[0], closed: stage.closed[0] as SessionClosed, sink };
}

const result = (report: Report | undefined): string => {
  const [first] = report?.results ?? [];
  const maybe = report?.mayHaveBeenDelivered === true ? ' maybe' : '';
  return `${first?.decidedAt}: ${first?.reply?.code ?? first?.error?.kind}${maybe}`;
};
const failure = ({ failure: why }: SessionClosed): string => `${why?.phase}: ${why?.reply?.code ?? why?.error?.kind}`;

for (const [name, script, want] of [
  ['421 for a greeting', at('GREETING', '421 busy'), 'greeting: 421'],
  ['554 for a greeting', at('GREETING', '554 go away'), 'greeting: 554'],
  [
    '554 for a greeting over several lines',
    at('GREETING', { raw: '554-mx.test\r\n554-5.7.1 blocked\r\n554 5.7.1 ask us\r\n' }),
    'greeting: 554',
  ],
  ['a greeting whose last line refuses', at('GREETING', { raw: '220-mx.test\r\n554 no\r\n' }), 'greeting: 554'],
  ['a greeting that is no reply', at('GREETING', { raw: 'welcome to mail\r\n' }), 'greeting: protocol'],
  ['no banner', at('GREETING', 'silence'), 'greeting: timeout'],
  ['a close before the banner', at('GREETING', 'close'), 'greeting: closed'],
  ['a reset before the banner', at('GREETING', 'reset'), /^(connect|greeting): refused$/],
  ['another protocol', at('GREETING', { raw: 'HTTP/1.1 400 Bad Request\r\n\r\n' }), 'greeting: protocol'],
  ['a greeting of 1 MB', at('GREETING', { raw: `220 ${'x'.repeat(1_000_000)}` }), 'greeting: protocol'],
  ['an endless greeting', at('GREETING', { raw: '220-hi\r\n'.repeat(200) }), 'greeting: protocol'],
  ['421 to EHLO', at('EHLO', '421 later'), 'ehlo: 421'],
  ['an endless EHLO reply', at('EHLO', { raw: '250-MORE\r\n'.repeat(1000) }), 'ehlo: protocol'],
  ['silence after EHLO', at('EHLO', 'silence'), 'ehlo: timeout'],
  ['a close after EHLO', at('EHLO', 'close'), 'ehlo: closed'],
] as const satisfies readonly (readonly [string, NonNullable<SinkOptions['script']>, string | RegExp])[]) {
  test(`hostile server: ${name} is a failure of the session, and the attempt comes back`, async () => {
    const { report, closed } = await play(script, want.toString().includes('timeout') ? IMPATIENT : PATIENT);
    assert.equal(report, undefined);
    if (typeof want === 'string') assert.equal(failure(closed), want);
    else assert.match(failure(closed), want);
    assert.deepEqual([closed.why, closed.notBegun], ['failed', ['a-m1']]);
    assert.equal(closed.failure?.remote?.address, '127.0.0.1');
  });
}

for (const [name, script, want, why] of [
  ['421 to MAIL', at('MAIL', '421 bye'), 'mail: 421', 'peer'],
  ['a close after MAIL', at('MAIL', 'close'), 'mail: closed', 'failed'],
  ['a reset after MAIL', at('MAIL', 'reset'), 'mail: closed', 'failed'],
  ['silence after MAIL', at('MAIL', 'silence'), 'mail: timeout', 'failed'],
  ['421 to RCPT', at('RCPT', '421 bye'), 'rcpt: 421', 'peer'],
  ['a close after RCPT', at('RCPT', 'close'), 'rcpt: closed', 'failed'],
  ['a line that is no reply to MAIL', at('MAIL', { raw: 'sure, go on\r\n' }), 'mail: protocol', 'failed'],
  ['a line that is no reply to RCPT', at('RCPT', { raw: '<a@b> is fine\r\n' }), 'rcpt: protocol', 'failed'],
  ['a line that is no reply to the dot', at('DOT', { raw: 'queued as 1\r\n' }), 'dot: protocol maybe', 'failed'],
  ['421 to DATA', at('DATA', '421 bye'), 'data: 421', 'peer'],
  ['a megabyte to DATA', at('DATA', { raw: Buffer.alloc(1_000_000, '3') }), 'data: protocol', 'failed'],
  ['354, then a reset', (verb) => (verb === 'DOT' ? 'reset' : undefined), 'dot: closed maybe', 'failed'],
  ['a lost 250', at('DOT', 'close'), 'dot: closed maybe', 'failed'],
  ['silence after the dot', at('DOT', 'silence'), 'dot: timeout maybe', 'failed'],
  ['421 after the dot', at('DOT', '421 4.3.2 shutting down'), 'dot: 421', 'peer'],
  ['250 and 421 in one', at('DOT', { raw: '250 ok\r\n421 idle\r\n' }), 'dot: 250', 'peer'],
  ['two replies to the dot', at('DOT', { raw: '250 ok\r\n250 ok\r\n' }), 'dot: 250', 'failed'],
  ['half a reply to the dot, then a close', at('DOT', { raw: '250-o' }), 'dot: timeout maybe', 'failed'],
  ['a rude QUIT', at('QUIT', 'silence'), 'dot: 250', 'idle'],
] as const satisfies readonly (readonly [string, NonNullable<SinkOptions['script']>, string, string])[]) {
  test(`hostile server: ${name} settles by state`, async () => {
    const isSilent = want.includes('timeout') || why === 'idle';
    const { report, closed } = await play(script, isSilent ? IMPATIENT : PATIENT);
    assert.equal(result(report), want);
    assert.deepEqual([closed.why, closed.notBegun, closed.failure], [why, [], undefined]);
  });
}

test('hostile server: 250 nine minutes after the dot is delivered, silence ends after ten as perhaps delivered', async () => {
  for (const [isAnswered, want] of [
    [true, 'dot: 250'],
    [false, 'dot: timeout maybe'],
  ] as const) {
    const clock = new FakeClock();
    let reached: (socket: Socket) => void = () => {};
    const atDot = new Promise<Socket>((resolve) => (reached = resolve));
    const sink = await startSink({
      script: (verb, _, { socket }) => {
        if (verb !== 'DOT') return undefined;
        reached(socket);
        return 'silence';
      },
    });
    const stage = startStage({}, {}, clock);
    stage.egress.commands.open(grantTo(sink.port));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    const socket = await atDot;
    await clock.advance(9 * MINUTE);
    assert.equal(stage.reports.length, 0);
    if (isAnswered) socket.write('250 ok\r\n');
    else await clock.advance(MINUTE + 1);
    await stage.until(() => stage.reports.length === 1);
    assert.equal(result(stage.reports[0]), want);
    socket.destroy();
    while (stage.closed.length === 0) await clock.advance(1000);
    await sink.close();
  }
});

test('hostile server: a reply that trickles in does not move the deadline', async () => {
  let drip: NodeJS.Timeout | undefined;
  const { report } = await play((verb, _, { socket }) => {
    if (verb !== 'MAIL') return undefined;
    drip = setInterval(() => socket.write('250-a\r\n'), 10);
    return 'silence';
  }, IMPATIENT);
  clearInterval(drip);
  assert.equal(result(report), 'mail: timeout');
});

test('hostile server: what it says is harmless in the report', async () => {
  const { report } = await play(at('DOT', { raw: '550 5.7.1 \u001b[2J{"a":1}\rINFO forged \u0000\u202e\r\n' }));
  const text = report?.results[0]?.reply?.lines.join('\n') ?? '';
  assert.match(text, /forged/);
  assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e]/);
});

test('hostile server: replies before their commands do not answer them', async () => {
  const early = await play(at('GREETING', { raw: '220 hi\r\n250 ok\r\n250 ok\r\n' }));
  assert.equal(failure(early.closed), 'ehlo: protocol');
  assert.equal(early.sink.messages.length, 0);
});

test('hostile server: a kept connection that is gone gives the next attempt back', async () => {
  for (const answer of ['close', 'reset'] as const) {
    const sink = await startSink({
      script: (verb, _, { count }) => (verb === 'MAIL' && count === 1 ? answer : undefined),
    });
    const stage = startStage();
    stage.egress.commands.open(grantTo(sink.port));
    for (const id of ['m1', 'm2', 'm3']) stage.egress.commands.deliver('life-1', stage.attempt(id, CONTENT));
    await stage.until(() => stage.closed.length === 1);
    assert.deepEqual(
      stage.reports.map((report) => result(report)),
      ['dot: 250'],
    );
    assert.deepEqual(stage.closed[0], { session: 'life-1', why: 'peer', notBegun: ['a-m2', 'a-m3'] });
    await sink.close();
  }
});

test('hostile server: 421 or a close while the session is idle is no failure', async () => {
  for (const end of ['421 idle too long\r\n', '']) {
    let peer: import('node:net').Socket | undefined;
    const sink = await startSink({
      script: (_, __, { socket }) => {
        peer = socket;
        return undefined;
      },
    });
    const stage = startStage();
    stage.egress.commands.open(grantTo(sink.port));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.reports.length === 1);
    peer?.end(end);
    await stage.until(() => stage.closed.length === 1);
    assert.deepEqual(stage.closed[0], { session: 'life-1', why: 'peer', notBegun: [] });
    await sink.close();
  }
});
