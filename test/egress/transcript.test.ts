// What is kept of a conversation: enough to see why, never content or secrets, never more than its bounds.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Transcript, TRANSCRIPT_BOUNDS } from '../../src/egress/transcript.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Reply } from '../../src/flow/reply.ts';
import { startSink } from '../support/fake-net.ts';
import { grantTo, recipient, relayTo, startStage } from './stage.ts';

const CONTENT = 'Subject: secret plans\r\n\r\nnobody must read this\r\n';
const withoutMs = (lines: readonly string[] | undefined): readonly string[] | undefined =>
  lines?.map((line) => line.replace(/^\d+ /, ''));

test('transcript: a refusal comes with the whole conversation, without content', async (t) => {
  const sink = await startSink({
    script: (_, line) => (line.includes('two@') ? '550 5.1.1 nobody here' : undefined),
  });
  t.after(() => sink.close());
  const stage = startStage();
  const forwardPaths = [recipient('one@example.net'), recipient('two@example.net')];
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT, { forwardPaths }));
  await stage.until(() => stage.reports.length === 1);
  const said = withoutMs(stage.reports[0]?.conversation) ?? [];
  match(said[0] ?? '', /^S: 220 /);
  equal(said[1], 'C: EHLO relay.test');
  ok(said.includes('C: RCPT TO:<two@example.net>'));
  ok(said.includes('S: 550 5.1.1 nobody here'));
  ok(said.includes(`*: ${CONTENT.length} octets of content and the final dot`));
  ok(!said.join('\n').includes('plans') && !said.join('\n').includes('nobody must'));
  await stage.egress.stop();
});

test('transcript: of what ends well one in so many is told, and a kept connection tells from MAIL on', async (t) => {
  let count = 0;
  const sink = await startSink({
    script: (verb) => (verb === 'RCPT' && ++count === 4 ? '450 4.2.0 later' : undefined),
  });
  t.after(() => sink.close());
  const stage = startStage({ conversationEvery: 3 });
  stage.egress.commands.open(grantTo(sink.port));
  for (let at = 1; at <= 5; at++) {
    stage.egress.commands.deliver('life-1', stage.attempt(`m${at}`, CONTENT));
    await stage.until(() => stage.reports.length === at);
  }
  deepEqual(
    stage.reports.map(({ conversation }) => conversation !== undefined),
    [true, false, false, true, true],
    'the first and the fourth that went well, and the one that did not',
  );
  const later = withoutMs(stage.reports[3]?.conversation) ?? [];
  match(later[0] ?? '', /^C: MAIL FROM:/);
  ok(later.includes('S: 450 4.2.0 later'));
  await stage.egress.stop();
});

test('transcript: a server that takes no mail is told by what it said', async (t) => {
  const sink = await startSink({
    script: (verb) => (verb === 'GREETING' ? '554 5.7.1 blocked, see example.net/help' : undefined),
  });
  t.after(() => sink.close());
  const stage = startStage();
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
  await stage.until(() => stage.closed.length === 1);
  deepEqual(withoutMs(stage.closed[0]?.failure?.conversation), ['S: 554 5.7.1 blocked, see example.net/help']);
});

test('transcript: a password is hidden, whatever the mechanism', async (t) => {
  for (const mechanism of ['PLAIN', 'LOGIN']) {
    const answers: Record<string, string> = { EHLO: `250-sink\r\n250 AUTH ${mechanism}`, MAIL: '550 5.7.1 no' };
    const sink = await startSink({
      script: (verb, line) => {
        if (verb === 'AUTH') return mechanism === 'LOGIN' ? '334 VXNlcm5hbWU6' : '235 ok';
        if (line === Buffer.from('app').toString('base64')) return '334 UGFzc3dvcmQ6';
        if (line === Buffer.from('geheim').toString('base64')) return '235 ok';
        return answers[verb];
      },
    });
    t.after(() => sink.close());
    const stage = startStage({}, { credentials: () => ({ user: 'app', password: 'geheim' }) });
    const relay = relayTo([sink.port], { tls: { level: 'none' }, credentials: 'host' });
    stage.egress.commands.open(grantTo(0, { relay }));
    stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
    await stage.until(() => stage.reports.length === 1);
    const said = withoutMs(stage.reports[0]?.conversation) ?? [];
    deepEqual(
      said.filter((line) => line.startsWith('C: AUTH') || line.endsWith('(hidden)')),
      mechanism === 'PLAIN' ? ['C: AUTH PLAIN (hidden)'] : ['C: AUTH LOGIN (hidden)', 'C: (hidden)', 'C: (hidden)'],
    );
    await stage.egress.stop();
  }
});

test('transcript: whatever is said, it stays within its bounds, and its first and last line are told', () => {
  const text = fc.string({ maxLength: 400 }).map((line) => line.replace(/[\r\n]/g, ' '));
  const reply = fc.record({
    code: fc.integer({ min: 200, max: 599 }),
    lines: fc.array(text, { minLength: 1, maxLength: 5 }),
  });
  let ms = 0;
  const clock = { ...systemClock, monotonic: () => ms };
  fc.assert(
    fc.property(fc.array(fc.oneof(text, reply), { maxLength: 120 }), (words) => {
      const transcript = new Transcript(clock, { linesMax: 9, charsMax: 50 });
      transcript.begin();
      words.forEach((word, at) => {
        ms = at;
        if (typeof word === 'string') transcript.sent(`${word}x\r\n`, false);
        else transcript.heard(word as Reply);
      });
      const lines = transcript.lines();
      ok(lines.length <= 9 && lines.every((line) => line.length <= 50));
      if (words.length === 0) return;
      match(lines[0] ?? '', /^0 [CS]: /);
      match(lines.at(-1) ?? '', new RegExp(`^${words.length - 1} `));
    }),
  );
  ok(TRANSCRIPT_BOUNDS.linesMax * TRANSCRIPT_BOUNDS.charsMax <= 8192);
});
