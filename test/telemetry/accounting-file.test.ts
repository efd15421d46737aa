import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../src/base/log.ts';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import { AccountingFile, type AccountingOptions } from '../../src/telemetry/accounting-file.ts';
import { COLUMNS, csvLine, jsonLine } from '../../src/telemetry/accounting-line.ts';
import { FakeClock } from '../support/fake-clock.ts';

const EVENT = {
  type: 'outcome',
  at: Date.UTC(2026, 10, 24, 12, 0, 3),
  messageId: '01jd0000000000000000000000',
  index: 1,
  outcome: 'delivered',
  category: 'delivered',
  scope: 'recipient',
  rule: 'code 250',
  forwardPath: 'b@example.net',
  domain: 'example.net',
  reversePath: 'a@example.org',
  tenant: 'default',
  user: 'app',
  stream: 'default',
  acceptedAt: Date.UTC(2026, 10, 24, 12, 0, 0),
  size: 2048,
  attempts: 1,
  decidedAt: 'dot',
  reply: { code: 250, enhanced: '2.0.0', lines: ['Ok: queued, as "x"', '=cmd()'] },
  instants: {
    granted: Date.UTC(2026, 10, 24, 12, 0, 1),
    connected: Date.UTC(2026, 10, 24, 12, 0, 1, 500),
    mail: Date.UTC(2026, 10, 24, 12, 0, 2),
    done: Date.UTC(2026, 10, 24, 12, 0, 3),
  },
} as unknown as OutcomeEvent;

function files(t: TestContext, options: Partial<AccountingOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'accounting-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock(Date.UTC(2026, 10, 24, 12));
  const all = { folder, format: 'json' as const, keepMs: 14 * 86_400_000, keepOctets: 1e9, ...options };
  const accounting = new AccountingFile(all, clock, silentLog);
  const names = (): string[] => readdirSync(folder).toSorted();
  return { folder, clock, accounting, names, all };
}

test('accounting line: says how long a delivery waited, connected and talked', () => {
  const row = JSON.parse(jsonLine(EVENT)) as Record<string, unknown>;
  assert.deepEqual([row['queue_ms'], row['connect_ms'], row['transaction_ms']], [1000, 1000, 1000]);
  assert.equal(row['reply'], '250 2.0.0 Ok: queued, as "x" | =cmd()');
  assert.equal(row['at'], '2026-11-24T12:00:03.000Z');
});

test('accounting line: what a remote says cannot leave its field or become a formula', () => {
  const evil = { ...EVENT, category: '=1+1', reply: { code: 550, lines: ['a\r\nb,"c"'] } } as OutcomeEvent;
  const line = csvLine(evil);
  assert.equal(line.split('\n').length, 2);
  assert.match(line, /,'=1\+1,/);
  assert.match(line, /"550 a b,""c"""/);
  assert.equal(csvLine(EVENT).match(/,/g)?.length, COLUMNS.length - 1 + 1);
});

test('accounting file: terminal outcomes are there within a moment, others never', async (t) => {
  const { folder, clock, accounting, names } = files(t);
  accounting.write(EVENT);
  accounting.write({ ...EVENT, outcome: 'deferred' });
  assert.equal(names().length, 0);
  await clock.advance(1000);
  assert.deepEqual(names(), ['deliveries-20261124-0001.jsonl']);
  assert.equal(readFileSync(join(folder, names()[0] ?? ''), 'utf8').split('\n').length, 2);
  accounting.close();
});

test('accounting file: a new one each day and at the size limit, and a restart goes on in the last', async (t) => {
  const { clock, accounting, names, all } = files(t, { fileOctets: jsonLine(EVENT).length * 2 });
  for (let at = 0; at < 3; at++) {
    accounting.write(EVENT);
    accounting.flush();
  }
  await clock.advance(86_400_000);
  accounting.write(EVENT);
  accounting.close();
  const want = ['deliveries-20261124-0001.jsonl', 'deliveries-20261124-0002.jsonl', 'deliveries-20261125-0001.jsonl'];
  assert.deepEqual(names(), want);
  const again = new AccountingFile(all, clock, silentLog);
  again.write(EVENT);
  again.close();
  assert.deepEqual(names(), want);
});

test('accounting file: the oldest go when their sum is over the limit', (t) => {
  const octets = jsonLine(EVENT).length;
  const { accounting, names } = files(t, { fileOctets: octets, keepOctets: octets * 2 });
  for (let at = 0; at < 5; at++) {
    accounting.write(EVENT);
    accounting.flush();
  }
  accounting.close();
  assert.deepEqual(names(), ['deliveries-20261124-0004.jsonl', 'deliveries-20261124-0005.jsonl']);
});

test('accounting file: CSV has one head a file', (t) => {
  const { folder, accounting, names, all, clock } = files(t, { format: 'csv' });
  accounting.write(EVENT);
  accounting.close();
  const again = new AccountingFile(all, clock, silentLog);
  again.write(EVENT);
  again.close();
  const lines = readFileSync(join(folder, names()[0] ?? ''), 'utf8')
    .trim()
    .split('\n');
  assert.equal(lines.length, 3);
  assert.equal(lines[0], COLUMNS.join(','));
});

test('accounting file: a folder that went away costs lines and a log entry, nothing else', (t) => {
  const { folder, clock } = files(t);
  let errors = 0;
  const log = { ...silentLog, error: () => void errors++ };
  const options = { folder: join(folder, 'x'), format: 'json' as const, keepMs: 1, keepOctets: 1 };
  const accounting = new AccountingFile(options, clock, log);
  rmSync(join(folder, 'x'), { recursive: true });
  accounting.write(EVENT);
  accounting.flush();
  accounting.write(EVENT);
  accounting.flush();
  accounting.close();
  assert.equal(errors, 1);
});
