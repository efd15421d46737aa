// Egress against a real sink on loopback: one session, its attempts, its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSink } from '../support/fake-net.ts';
import { grantTo, recipient, startStage } from './stage.ts';

const CONTENT = 'Subject: hello\r\n\r\n.a line that begins with a dot\r\nand one that does not\r\n';

test('egress: one message arrives byte for byte and is reported with reply, instants and remote', async () => {
  const sink = await startSink();
  const stage = startStage();
  stage.egress.commands.open(grantTo(sink.port));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT));
  await stage.until(() => stage.reports.length === 1);
  assert.equal(sink.messages[0]?.content.toString(), CONTENT);
  assert.equal(sink.messages[0]?.mail, `MAIL FROM:<sender@example.org> SIZE=${CONTENT.length}`);
  const [report] = stage.reports;
  assert.deepEqual(report?.results, [
    { index: 0, decidedAt: 'dot', reply: { code: 250, enhanced: '2.0.0', lines: ['queued'] } },
  ]);
  assert.equal(report?.mayHaveBeenDelivered, false);
  assert.deepEqual(report?.remote, { host: '127.0.0.1', address: '127.0.0.1', port: sink.port });
  const { granted, connected, mail, data, dot, done } = report?.instants ?? { granted: NaN, done: NaN };
  const order = [granted, connected, mail, data, dot, done];
  assert.deepEqual(order, order.toSorted());
  await stage.egress.stop();
  assert.deepEqual(stage.closed, [{ session: 'life-1', why: 'quit', notBegun: [] }]);
  assert.equal(sink.lines.at(-1), '1 QUIT');
  await sink.close();
});

test('egress: a session is reused, and the next envelope follows the final dot without another command', async () => {
  const sink = await startSink();
  const stage = startStage({ idleMs: 20 });
  stage.egress.commands.open(grantTo(sink.port));
  for (const id of ['m1', 'm2', 'm3']) stage.egress.commands.deliver('life-1', stage.attempt(id, CONTENT));
  await stage.until(() => stage.closed.length === 1);
  assert.deepEqual(
    stage.reports.map(({ messageId }) => messageId),
    ['m1', 'm2', 'm3'],
  );
  assert.equal(sink.connections, 1);
  const verbs = sink.lines.map((line) => line.split(/[ :]/)[1]);
  const one = ['MAIL', 'RCPT', 'DATA', '.'];
  assert.deepEqual(verbs, ['EHLO', ...one, ...one, ...one, 'QUIT']);
  assert.deepEqual(stage.closed, [{ session: 'life-1', why: 'idle', notBegun: [] }]);
  assert.equal(stage.reports[1]?.instants.connected, undefined);
  await sink.close();
});

test('egress: every recipient has its own result', async () => {
  const sink = await startSink({
    script: (verb, line) => (verb === 'RCPT' && line.includes('two@') ? '550 5.1.1 no such user' : undefined),
  });
  const stage = startStage();
  stage.egress.commands.open(grantTo(sink.port));
  const forwardPaths = ['one@example.net', 'two@example.net', 'three@example.net'].map((one) => recipient(one));
  stage.egress.commands.deliver('life-1', stage.attempt('m1', CONTENT, { forwardPaths }));
  await stage.until(() => stage.reports.length === 1);
  assert.deepEqual(
    stage.reports[0]?.results.map(({ index, decidedAt, reply }) => [index, decidedAt, reply?.code]),
    [
      [0, 'dot', 250],
      [1, 'rcpt', 550],
      [2, 'dot', 250],
    ],
  );
  await stage.egress.stop();
  await sink.close();
});
