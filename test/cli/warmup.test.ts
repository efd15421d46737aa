import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { WarmupDayReport, WarmupReport } from '../../src/flow/warmup.ts';
import { amountText, plotText } from '../../src/cli/plot.ts';
import { stage } from './stage.ts';

const MIDNIGHT = Date.UTC(2026, 0, 5);
const DAY = 86_400_000;

const GOOGLE: WarmupReport = {
  source: 'out17',
  plan: 'standard',
  provider: 'google',
  state: 'warming',
  isHeld: false,
  stage: 29,
  stages: 30,
  volume: 190_000,
  today: {
    from: MIDNIGHT,
    until: MIDNIGHT + DAY,
    budget: 190_000,
    used: 101_412,
    left: 88_588,
    delivered: 100_398,
    against: 305,
    blocks: 0,
    complaints: 12,
  },
  gates: { used: 0.7, delivered: 0.9, sample: 20 },
  decision: { at: MIDNIGHT, what: 'advanced', why: 'went-well', from: 150_000, to: 190_000 },
  offered: 1_200_000,
  prospect: { is: 'warm-on', at: MIDNIGHT + 2 * DAY, days: 2 },
};
const OTHER: WarmupReport = {
  ...GOOGLE,
  provider: 'other',
  stage: 4,
  isHeld: true,
  today: { ...GOOGLE.today, budget: 400, used: 120, left: 280, delivered: 0, against: 0 },
  decision: { at: MIDNIGHT, what: 'repeated', why: 'little-used', from: 400, to: 400 },
  offered: 120,
  prospect: { is: 'stays', budget: 400, needs: 280 },
};

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => Array.from(line).length));

test('warmup status: a line for each budget, and one source in full, in 80 columns', async (t) => {
  const at = stage(t);
  const asked = await at.relay({
    'GET /v1/warmup': { body: [GOOGLE, OTHER] },
    'GET /v1/warmup?source=out17': { body: [GOOGLE, OTHER] },
  });
  const all = await at.run(['warmup', 'status']);
  equal(all.code, 0);
  ok(widest(all.out) <= 80, all.out);
  match(all.out, /^out17 +google +29\/30 +101,412 +190,000 +99\.6 % +7 Jan +on: went well$/m);
  match(all.out, /^out17 +other +4\/30 +120 +400 +- +never +held$/m);
  const one = (await at.run(['warmup', 'status', 'out17'])).out;
  ok(widest(one) <= 80, one);
  for (const line of [
    'out17, plan standard',
    'google       stage 29 of 30: 101,412 of 190,000 today (53.3 %, 70 % wanted)',
    '             88,588 left; the next day begins in 12h',
    '             on to 190,000: went well (12h ago)',
    '             warm on 7 Jan, in 2 days, if 1,200,000 a day go on',
    'other        stage 4 of 30, held: 120 of 400 today (30 %, 70 % wanted)',
    '             no answers yet',
    '             held: it stays until `postilion warmup resume`',
  ]) {
    ok(one.split('\n').includes(line), `${line}\n${one}`);
  }
  deepEqual(JSON.parse((await at.run(['warmup', 'status', '--json'])).out), [GOOGLE, OTHER]);
  ok(
    asked.some((call) => call.includes('source=out17')),
    asked.join(),
  );
});

test('warmup set, advance, hold, resume, reset: what is asked of the relay, and where it stands then', async (t) => {
  const at = stage(t);
  const asked = await at.relay({ 'POST /v1/warmup/out17': { body: [GOOGLE] } });
  match(
    (await at.run(['warmup', 'set', 'out17', 'google', '--volume', '1.5k/day'])).out,
    /^out17\n\ngoogle +stage 29 of 30/,
  );
  for (const word of ['advance', 'hold', 'resume', 'reset'])
    equal((await at.run(['warmup', word, 'out17', 'all'])).code, 0);
  ok(
    asked.some((call) => call.includes('"provider":"google","change":{"do":"set","volume":1500}')),
    asked.join(),
  );
  for (const word of ['advance', 'hold', 'resume', 'reset']) {
    ok(
      asked.some((call) => call.includes(`"provider":"*","change":{"do":"${word}"}`)),
      asked.join(),
    );
  }
  for (const wrong of ['5000', '5000/h', '-1/day', '0/day', '1e9/day', '9999999k/day']) {
    const { code, note } = await at.run(['warmup', 'set', 'out17', '--volume', wrong]);
    equal(code, 64, wrong);
    match(note, /5000\/day/);
  }
});

test('warmup history: plot and table in 80 columns', async (t) => {
  const at = stage(t);
  const days: WarmupDayReport[] = Array.from({ length: 60 }, (_, day) => ({
    from: MIDNIGHT + (day - 60) * DAY,
    until: MIDNIGHT + (day - 59) * DAY,
    budget: 250_000,
    used: 50 * (day + 1),
    delivered: 49 * (day + 1),
    against: day + 1,
    blocks: 0,
    complaints: 0,
    offered: 1_000_000,
    what: 'stepped-back',
    why: 'complaints',
    to: 210_000,
  }));
  await at.relay({ 'GET /v1/warmup/out17/days?provider=google': { body: days } });
  const { out } = await at.run(['warmup', 'history', 'out17', 'google']);
  ok(widest(out) <= 80, out);
  match(out, /^ 4 Jan +250,000 +3,000 +98 % +0 +0 +1,000,000 +back: complaints$/m);
  equal(JSON.parse((await at.run(['warmup', 'history', 'out17', 'google', '--json'])).out).length, 60);
});

test('warmup simulate: a plan day by day in 80 columns, without a relay and without a configuration', async (t) => {
  const at = stage(t);
  const { out, code } = await at.run([
    'warmup',
    'simulate',
    'standard',
    '--volume',
    '200k/day',
    '--provider',
    'google',
  ]);
  equal(code, 0);
  ok(widest(out) <= 80, out);
  match(out, /^warm after 30 days; it sends 1.1M of 6M \(18 %\)/m);
  match(out, /^ 30 +30\/30 +240,000 +200,000 +0 +warm: went well$/m);
  const json = async (...words: readonly string[]) =>
    JSON.parse((await at.run(['warmup', 'simulate', ...words, '--json'])).out) as {
      warmAfter?: number;
      days: unknown[];
    };
  equal((await json('careful', '--volume', '90k/day', '--blocked', '12')).warmAfter, 49);
  equal((await json('standard', '--volume', '90k/day')).warmAfter, undefined);
  equal((await json('standard', '--volume', '1M/day', '--shape', 'weekdays', '--days', '90')).warmAfter, 40);
  equal((await json('standard', '--volume', '1M/day', '--at', '210k/day')).warmAfter, 2);
  equal((await at.run(['--config', '/nowhere', 'warmup', 'simulate', 'standard', '--volume', '1M/day'])).code, 0);
  const wrong = await at.run(['warmup', 'simulate', 'standart', '--volume', '1M/day']);
  deepEqual([wrong.code, wrong.note], [64, "postilion: there is no plan 'standart'; did you mean standard?\n"]);
  equal((await at.run(['warmup', 'simulate', 'standard', '--volume', '1M/day', '--shape', '1,2,3'])).code, 64);
  equal((await at.run(['warmup', 'simulate', 'standard'])).code, 64);
});

test('plot: as high as the numbers, as wide as the screen, whatever they are', () => {
  for (const columns of [20, 40, 80, 200]) {
    for (const bars of [1, 7, 45, 60, 400]) {
      const text = plotText(
        Array.from({ length: bars }, (_, at) => ({ full: at, shade: 10 ** (at % 9) })),
        columns,
      );
      ok(widest(text) <= columns, `${columns} ${bars}`);
      ok(text.includes('░') && (bars === 1 || text.includes('█')));
    }
  }
  equal(plotText([], 80), '');
  ok(plotText([{ full: 0, shade: 0 }], 80).includes('┤'));
  deepEqual([999, 1500, 250_000, 1_250_000].map(amountText), ['999', '1.5k', '250k', '1.3M']);
});
