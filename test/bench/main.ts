// `npm run bench -- accept | relay [--sizes 2,20,200] [--sessions 1,20,100] [--pairs 5] [--processes single|split]`
// and the modes of the files beside this one: auth-flood, classify, drain, lanes, latency, memory, suppress, and relay with DKIM=rsa or
// DKIM=ed25519.
// Postilion beside Postfix, in pairs whose order alternates, on this machine, now: only the ratio travels. With the
// shared relaybench at hand its driver measures (RELAYBENCH names it), else the small one beside this file.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT_ROOT } from '../support/tree.ts';
import { benchAuthFlood } from './auth-flood.ts';
import { benchClassify } from './classify.ts';
import { benchDkim } from './dkim.ts';
import { benchDrain } from './drain.ts';
import { benchLanes } from './lanes.ts';
import { benchLatency } from './latency.ts';
import { benchMemory } from './memory.ts';
import { measureSuppressions } from './suppress.ts';
import { countSyncs, type Load, type Measured, measure, missingPrograms } from './driver.ts';

const RELAYBENCH = process.env['RELAYBENCH'] ?? join(PROJECT_ROOT, '../shared/bench/relaybench');
const OURS = join(PROJECT_ROOT, 'test/bench/postilion');
const POSTFIX = join(PROJECT_ROOT, 'test/bench/postfix');
/** Takes mail and never tries to send it: how fast Postfix accepts when nothing competes. */
const ACCEPT_ONLY = { POSTFIX_EXTRA: 'defer_transports = smtp' };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sizes: { type: 'string' },
    sessions: { type: 'string' },
    pairs: { type: 'string' },
    processes: { type: 'string', default: 'single' },
    messages: { type: 'string' },
    entries: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '60' },
  },
});
const until = positionals[0];
const PAIRS = Number(values.pairs ?? 5);
const numbers = (text: string): number[] => text.split(',').map(Number);
if (until === 'suppress') {
  await measureSuppressions(Number(values.entries));
  process.exit(0);
}
if (until === 'classify') process.exit(benchClassify() ? 0 : 1);
const peers = [
  { name: 'Postilion', start: join(OURS, 'start'), env: { PROCESSES: values.processes, CONNECTIONS: '20' } },
  { name: 'Postfix', start: join(POSTFIX, 'start'), env: {} },
];
const own: Readonly<Record<string, () => Promise<void>>> = {
  memory: () => benchMemory(join(OURS, 'start'), Number(values.messages ?? 100_000)),
  latency: () => benchLatency(peers, PAIRS, Number(values.messages ?? 100)),
  drain: () => benchDrain(peers, PAIRS, Number(values.messages ?? 20_000)),
  lanes: () => benchLanes(Number(values.seconds), Number(values.messages ?? 10_000)),
  'auth-flood': () => benchAuthFlood(join(OURS, 'start')),
};
const isOwn = until !== undefined && until in own;
if (!isOwn && until !== 'accept' && until !== 'relay') {
  console.error(
    `npm run bench -- accept | relay [--sizes 2,20,200] [--sessions 1,20,100] [--pairs 5]
                | latency | drain [--messages 20000] | lanes [--seconds 60] | memory [--messages 100000] | auth-flood | classify | suppress [--entries 100000]`,
  );
  process.exit(64);
}
const missing = missingPrograms();
if (missing.length > 0) {
  console.error(`cannot measure here: no ${missing.join(', ')}`);
  process.exit(69);
}

if (isOwn) {
  await own[until]?.();
  process.exit(0);
}

interface SharedResult {
  readonly ok: boolean;
  readonly error?: string;
  readonly accept_rate: number;
  readonly relay_rate?: number;
  readonly cpu_s_per_1000: number;
}

async function run(folder: string, load: Load, env: Readonly<Record<string, string>>): Promise<Measured> {
  if (!existsSync(RELAYBENCH)) return measure(join(folder, 'start'), load, env);
  const system = folder === POSTFIX ? 'postfix' : folder;
  const args = [system, String(load.sizeOctets), String(load.sessions), String(load.messages), '--mode', load.until];
  const done = spawnSync(RELAYBENCH, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  const result = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '{}') as SharedResult;
  if (!result.ok) throw new Error(`${system}: ${result.error ?? done.stderr}`);
  const perSecond = load.until === 'relay' ? (result.relay_rate ?? 0) : result.accept_rate;
  return { perSecond, cpuMsPerMessage: result.cpu_s_per_1000 };
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
const middle = (rows: readonly Measured[]): Measured => ({
  perSecond: median(rows.map((row) => row.perSecond)),
  cpuMsPerMessage: median(rows.map((row) => row.cpuMsPerMessage)),
});
const rounded = (number: number): string => number.toFixed(number < 10 ? 2 : 0);
const cell = (row: Measured): string => `${rounded(row.perSecond)} · ${row.cpuMsPerMessage.toFixed(2)}`;

/** So many that a run takes some seconds at what a small machine does. */
const messagesFor = (kilo: number, sessions: number, base: number): number =>
  Number(values.messages ?? Math.max(100, Math.round((base * (sessions === 1 ? 0.4 : 1)) / (1 + kilo / 40))));

async function compare(kilo: number, sessions: number): Promise<void> {
  const load = { sizeOctets: kilo * 1024, sessions, until: until as Load['until'] };
  const ours = { ...load, messages: messagesFor(kilo, sessions, 12_000) };
  const theirs = { ...load, messages: messagesFor(kilo, sessions, 1500) };
  const env = { PROCESSES: values.processes ?? 'single', CONNECTIONS: '20' };
  const rows: Record<'ours' | 'postfix' | 'acceptOnly', Measured[]> = { ours: [], postfix: [], acceptOnly: [] };
  const turns = [
    async () => void rows.ours.push(await run(OURS, ours, env)),
    async () => void rows.postfix.push(await run(POSTFIX, theirs, {})),
    ...(until === 'accept' ? [async () => void rows.acceptOnly.push(await run(POSTFIX, theirs, ACCEPT_ONLY))] : []),
  ];
  for (let pair = 0; pair < PAIRS; pair++) {
    for (const turn of pair % 2 === 0 ? turns : turns.toReversed()) await turn();
  }
  const few = { ...load, messages: 300, until: 'relay' as const };
  const syncs = [await countSyncs(join(OURS, 'start'), few, env)];
  syncs.push(await countSyncs(join(POSTFIX, 'start'), few));
  const [mine, other, only] = [middle(rows.ours), middle(rows.postfix), middle(rows.acceptOnly)];
  const ratios = rows.ours.map((row, n) => row.perSecond / (rows.postfix[n]?.perSecond ?? Infinity));
  const columns = [
    `${kilo} KB x ${sessions}`,
    cell(mine),
    cell(other),
    `${rounded(median(ratios))} (${ratios.map(rounded).join(', ')})`,
    ...(until === 'accept' ? [`${cell(only)} (${rounded(mine.perSecond / only.perSecond)})`] : []),
    syncs.map((number) => number.toFixed(2)).join(' / '),
  ];
  console.log(`| ${columns.join(' | ')} |`);
}

const dkim = process.env['DKIM'] ?? 'off';
if (until === 'relay' && dkim !== 'off') {
  const over = await benchDkim({
    start: join(OURS, 'start'),
    dkim,
    sizesKilo: numbers(values.sizes ?? '2,20'),
    sessions: numbers(values.sessions ?? '20'),
    pairs: Number(values.pairs ?? 9),
    messages: Number(values.messages ?? 2000),
    processes: values.processes,
  });
  process.exit(over > 0 ? 1 : 0);
}

const heads = ['load', 'Postilion', 'Postfix', 'ratio: median of pairs (each)'];
if (until === 'accept') heads.push('Postfix that only accepts (ratio)');
heads.push('syncs per message');
console.log(`messages/s · CPU ms a message; ${values.processes}, median of ${PAIRS} alternating pairs, ${until}`);
console.log(existsSync(RELAYBENCH) ? `driver: ${RELAYBENCH}` : 'driver: test/bench/driver.ts');
console.log(spawnSync(join(OURS, 'version'), [], { encoding: 'utf8' }).stdout.trim());
console.log(`| ${heads.join(' | ')} |\n|${heads.map(() => ' --- |').join('')}`);
for (const kilo of numbers(values.sizes ?? '2,20,200')) {
  for (const sessions of numbers(values.sessions ?? '1,20,100')) await compare(kilo, sessions);
}
