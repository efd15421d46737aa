import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { reloadConfig } from '../../src/config/reload.ts';
import { configFolder, load, problemsOf } from './folder.ts';

const OWN = `plans:
  mine:
    stages: [20, 40, 80]
    providers: {google: {stages: [30, 60], gates: {delivered: 95%}}}
    total: [100, 200]
    window: 12h
    day_start: "08:30"
    time_zone: Europe/Berlin
    gates: {used: 50%, complaints: 0.2%}
    idle: {days: 3, decay: 10%}
    overflow: overflow-pool
    except_streams: orders
`;
const SENDING = 'sources: {out1: {warmup: mine}, out2: {}}\nstreams: {orders: {}}\n';

test('warm-up plans: the shipped ones are there, of 30 and of 45 days', (context) => {
  const { plans } = load(configFolder(context));
  equal(plans['standard']?.stages.length, 30);
  equal(plans['standard']?.providers['google']?.stages?.length, 30);
  equal(plans['careful']?.stages.length, 45);
  equal(plans['standard']?.gates.used, 0.7);
});

test('warm-up plans: own ones stand beside them, and a reload takes them over', (context) => {
  const config = load(configFolder(context, { 'own-warmup.yaml': OWN, 'sending.yaml': SENDING }));
  const mine = config.plans['mine'];
  deepEqual(mine?.providers['google']?.gates, { delivered: 0.95 });
  deepEqual([mine?.windowMs, mine?.dayStartMs, mine?.dayMs], [12 * 3_600_000, 8.5 * 3_600_000, 24 * 3_600_000]);
  deepEqual(mine?.exceptStreams, ['orders']);
  equal(config.sources['out1']?.warmup, 'mine');
  ok(config.plans['standard'] !== undefined);
  const other = load(configFolder(context, { 'own-warmup.yaml': OWN.replace('12h', '10h'), 'sending.yaml': SENDING }));
  const { config: after, changes } = reloadConfig(config, other);
  equal(after.plans['mine']?.windowMs, 10 * 3_600_000);
  ok(changes.some((line) => line.includes('plans.mine.window')));
});

test('warm-up plans: what is wrong is told with file, line and column', (context) => {
  const own = (text: string, sending = SENDING) =>
    problemsOf(configFolder(context, { 'own-warmup.yaml': text, 'sending.yaml': sending }));
  const changed = (from: string, to: string) => own(OWN.replace(from, to));
  match(changed('40, 80', '40, 40')[0] ?? '', /^own-warmup.yaml:3:22: plans.mine.stages\[2\]: 40 is not more than/);
  match(changed('[20,', '[10,')[0] ?? '', /^own-warmup.yaml:3:14: .*can never show 20 answers/);
  match(
    changed('google', 'gogle')[0] ?? '',
    /^own-warmup.yaml:4:17: .*'gogle' is not among providers; did you mean google/,
  );
  match(changed('streams: orders', 'streams: order')[0] ?? '', /^own-warmup.yaml:12:21: .*did you mean orders/);
  match(changed('Berlin', 'Berlino')[0] ?? '', /^own-warmup.yaml:8:16: .*must be a time zone/);
  match(changed('50%', '0.5')[0] ?? '', /^own-warmup.yaml:9:19: .*0.5 has no unit: write a share such as 70%/);
  match(changed('08:30', '8:30')[0] ?? '', /^own-warmup.yaml:7:16: .*must be a time of day/);
  match(changed('12h', '25h')[0] ?? '', /^own-warmup.yaml:6:13: plans.mine.window: is longer than the day/);
  match(changed('overflow:', 'overflows:')[0] ?? '', /^own-warmup.yaml:11:5: .*did you mean overflow/);
  match(
    own(OWN, SENDING.replace('mine', 'standart'))[0] ?? '',
    /^sending.yaml:1:26: sources.out1.warmup: .*did you mean standard/,
  );
});

test('warm-up plans: warm sources that would get nothing are a warning', (context) => {
  const sending = `${SENDING}pools: {default: {sources: [out1, out2]}}\n`;
  const warnings = (text: string): readonly string[] => {
    const { configDir } = configFolder(context, { 'own-warmup.yaml': text, 'sending.yaml': sending });
    const loaded = loadConfig({ configDir, env: {}, systemName: 'relay.example.com' });
    return 'ok' in loaded ? loaded.warnings : ['not loaded'];
  };
  deepEqual(warnings(OWN), []);
  match(warnings(OWN.replace('overflow-pool', 'wait'))[0] ?? '', /while out1 warms up, out2 sends nothing/);
});
