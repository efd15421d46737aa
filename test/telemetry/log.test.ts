import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, type LogLevel } from '../../src/telemetry/log.ts';

function capture(level: LogLevel, fields = {}) {
  const lines: string[] = [];
  return { lines, log: createLog({ level, fields, write: (line) => lines.push(line) }) };
}

test('log: a line is JSON with level, time, message and fields', () => {
  const { lines, log } = capture('info', { process: 'scheduler' });
  log.info({ queue: 3 }, 'started');
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.endsWith('\n'));
  const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  assert.deepEqual(rest, { level: 'info', process: 'scheduler', queue: 3, message: 'started' });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('log: lines under the level are not written', () => {
  const { lines, log } = capture('warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  log.error({}, 'd');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { level: string }).level),
    ['warn', 'error'],
  );
});

test('log: a child adds its fields to those of its parent', () => {
  const { lines, log } = capture('info', { process: 'egress-1' });
  log.child({ session: 's' }).child({ lane: 'l' }).info({}, 'opened');
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  assert.deepEqual([line['process'], line['session'], line['lane']], ['egress-1', 's', 'l']);
});

test('log: what a peer sent cannot make a second line', () => {
  const { lines, log } = capture('info');
  log.info({ reply: '250 ok\r\n{"level":"error"}\u2028' }, 'reply');
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
});

test('log: an error tells name, code and its causes, even one that is its own cause', () => {
  const { lines, log } = capture('info');
  const error: Error = Object.assign(new RangeError('outer'), { code: 'E1' });
  error.cause = error;
  log.error({ error }, 'failed');
  const line = JSON.parse(lines[0] ?? '') as { error: { name: string; code: string; cause: { message: string } } };
  assert.deepEqual([line.error.name, line.error.code, line.error.cause.message], ['RangeError', 'E1', 'outer']);
});
