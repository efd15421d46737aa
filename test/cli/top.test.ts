// Frames of `postilion top`: rates between two looks, plain where there is no screen, lines of JSON for programs, and a
// screen that is left as it was found.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { coloured, plain } from '../../src/cli/paint.ts';
import { topFrame, topJson } from '../../src/cli/top-frame.ts';
import type { TopReport } from '../../src/control/api.ts';
import { stage } from './stage.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

function report(changes: Partial<TopReport> = {}): TopReport {
  return {
    at: AT,
    messages: 1200,
    deliveries: 1500,
    inFlight: 7,
    sessions: 3,
    counters: { accepted: 100, delivered: 50, deferred: 5, failed: 1 },
    paused: ['tenant/acme'],
    alarms: [{ type: 'alarm', at: AT - 60_000, alarm: 'slow-sync', text: 'the disk \u001b[31mis slow' }],
    reportsOwed: 0,
    rows: [
      {
        name: 'google',
        isProvider: true,
        waiting: 1400,
        inFlight: 7,
        sessions: 3,
        delivered: 40,
        deferred: 5,
        failed: 0,
        lastTrouble: '421 4.7.0 slow down',
      },
      {
        name: 'b.example',
        isProvider: false,
        waiting: 100,
        inFlight: 0,
        sessions: 0,
        delivered: 10,
        deferred: 0,
        failed: 1,
      },
    ],
    ...changes,
  };
}

/** Two seconds later: 30 more delivered to google, 3 deferred; the other stands still. */
function later(): TopReport {
  const { rows, counters } = report();
  const [google, other] = rows;
  ok(google !== undefined && other !== undefined);
  return report({
    at: AT + 2000,
    counters: { ...counters, accepted: 140, delivered: 80, deferred: 8 },
    rows: [{ ...google, delivered: 70, deferred: 8 }, other],
  });
}

test('top: a frame has totals, marks, alarms and the rates of each row since the look before', () => {
  const lines = topFrame(later(), report(), { paint: plain }).split('\n');
  deepEqual(lines, [
    '2026-01-02T03:04:07.000Z  accepted 20/s  delivered 15/s  deferred 1.5/s  failed 0/s',
    '1,500 deliveries of 1,200 messages wait; 7 in flight on 3 connections',
    'paused: tenant/acme',
    'ALARM 1m2s ago slow-sync: the disk ?[31mis slow',
    '',
    'PROVIDER OR DOMAIN  WAITING  IN FLIGHT  CONN  DELIV/S  DEFER/S  FAIL/S  LAST TROUBLE',
    'google                1,400          7     3       15      1.5       0  421 4.7.0 slow down',
    'b.example               100          0     0        0        0       0',
    '',
  ]);
});

test('top: on a screen nothing is longer than it is wide or high, and colour tells what the words tell', () => {
  const frame = topFrame(later(), report(), { paint: coloured, columns: 40, lines: 7 });
  const lines = frame.trimEnd().split('\n');
  equal(lines.length, 7);
  // oxlint-disable-next-line no-control-regex
  for (const line of lines) ok(line.replace(/\u001b\[\d+m/g, '').length <= 40, line);
  match(frame, /\u001b\[33mgoogle/);
});

test('top: a count that went back is of a relay that began anew, and the first look has no rates', () => {
  const { accepted_per_s: rate } = topJson(report({ at: AT + 1000, counters: {} }), report()) as {
    accepted_per_s: number;
  };
  equal(rate, 0);
  match(topFrame(report(), undefined, { paint: plain }), /accepted -\/s/);
});

test('top: without a screen one block after the other, for programs a line each, so many as were asked for', async (t) => {
  const at = stage(t);
  await at.relay({ 'GET /v1/top?rows=24': { body: report() } });
  const run = async (...args: string[]) => {
    const ran = at.run(['top', ...args]);
    let isOver = false;
    void ran.then(() => (isOver = true));
    while (!isOver) {
      await at.clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return ran;
  };
  const json = await run('--json', '--times', '3', '--every', '10s');
  equal(json.code, EXIT.ok);
  const lines = json.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { rows: { name: string }[] });
  deepEqual(
    lines.map(({ rows }) => rows[0]?.name),
    ['google', 'google', 'google'],
  );
  const words = await run('--times', '2');
  equal(words.out.match(/^google /gm)?.length, 2);
  ok(!words.out.includes('\u001b'));
  equal((await at.run(['top', '--every', '1'])).code, EXIT.usage);
  equal((await at.run(['top', '--times', '0'])).code, EXIT.usage);
});

test('top: Ctrl-C ends it with 0, and the screen is as it was', async (t) => {
  const at = stage(t);
  await at.relay({ 'GET /v1/top?rows=24': { body: report() } });
  let interrupt = (): void => {};
  const out: string[] = [];
  const terminal = {
    out: async (text: string) => {
      out.push(text);
      if (out.length === 2) interrupt();
    },
    note: async () => {},
    canAsk: false,
    askSecret: async () => '',
    readAll: async () => '',
    outColumns: 80,
    screen: () => ({ columns: 80, rows: 24 }),
  };
  const untilInterrupted = (): Promise<void> => new Promise((resolve) => (interrupt = resolve));
  const { code } = await at.run(['top'], { terminal, untilInterrupted });
  equal(code, EXIT.ok);
  match(out[0] ?? '', /\?1049h.*\?25l/);
  match(out[1] ?? '', /google/);
  match(out.at(-1) ?? '', /\?25h.*\?1049l/);
});

test('top: a column with the pace of lanes below the ceiling, only while there are any', () => {
  const { rows } = report();
  const [google, other] = rows;
  ok(google !== undefined && other !== undefined);
  const paced = report({ rows: [{ ...google, paced: { lanes: 2, connections: 15, perMinute: 7.5 } }, other] });
  match(
    topFrame(paced, undefined, { paint: plain }),
    /FAIL\/S {2}PACE +LAST TROUBLE\ngoogle .* 15 conn, 7\.5\/min {2}421/,
  );
  ok(!topFrame(report(), undefined, { paint: plain }).includes('PACE'));
  const json = topJson(paced, undefined) as { readonly rows: readonly { readonly paced?: unknown }[] };
  deepEqual(
    json.rows.map((row) => row.paced),
    [{ lanes: 2, connections: 15, per_min: 7.5 }, undefined],
  );
});
