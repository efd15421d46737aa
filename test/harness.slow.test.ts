// The crash driver and the shared harnesses in short: each fault a few times. Longer runs: test/harness/crash.py --help.
import { equal, match } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PROJECT_ROOT } from './support/tree.ts';

const DRIVER = join(PROJECT_ROOT, 'test/harness/crash.py');
const START = join(PROJECT_ROOT, 'test/bench/postilion/start');
const SHARED = process.env['SHARED_HARNESS'] ?? join(PROJECT_ROOT, '../shared/harness');
/** Exit status of a driver that says what the machine lacks. */
const CANNOT_RUN = 3;

function hasProgram(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

type Need = 'python3' | 'strace' | 'qemu-storage-daemon' | 'root' | 'shared';

/** false, or why a test cannot run here. */
function lacking(...needs: Need[]): string | false {
  const missing = needs.find((need) => {
    if (need === 'root') return process.getuid?.() !== 0;
    if (need === 'shared') return !existsSync(SHARED);
    return !hasProgram(need);
  });
  if (missing === undefined) return false;
  return missing === 'root' ? 'needs root' : missing === 'shared' ? `no ${SHARED}` : `no program ${missing}`;
}

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

function python(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [script, ...args], { env: { ...process.env, ...env } });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (output += text));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** Runs the driver; a violation fails with all it printed, what the machine lacks becomes a skip. */
async function crash(t: TestContext, ...args: string[]): Promise<void> {
  const { status, output } = await python(DRIVER, args);
  if (status === CANNOT_RUN) return t.skip(output.trim());
  const facts = output.split('\n').find((line) => line.startsWith('{'));
  if (facts !== undefined) t.diagnostic(`${args.join(' ')}: ${facts}`);
  equal(status, 0, output);
}

const SINGLE = ['--processes', 'single'];
const SPLIT = ['--processes', 'split'];

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly needs: readonly Need[];
}

const CASES: readonly Case[] = [
  { name: 'kill -9 of everything, single', args: ['kill', '--rounds', '4', ...SINGLE], needs: [] },
  { name: 'kill -9 of everything, split', args: ['kill', '--rounds', '2', ...SPLIT], needs: [] },
  { name: 'kill -9 of one process, split', args: ['kill-one', '--rounds', '4', ...SPLIT], needs: [] },
  { name: 'orderly stops, single', args: ['stop', '--rounds', '2', ...SINGLE], needs: [] },
  { name: 'orderly stops, split', args: ['stop', '--rounds', '2', ...SPLIT], needs: [] },
  ...(
    [
      // The first ones fall before anything is accepted, the last ones must not: a run that accepts nothing shows nothing.
      ['fdatasync', '1', '8'],
      ['writev', '1', '3'],
      ['pwrite64', '20', '15'],
    ] as const
  ).map(
    ([call, first, step]): Case => ({
      name: `kill -9 at one ${call} after the other, single`,
      args: ['syscall', '--syscall', call, '--first', first, '--step', step, '--rounds', '3', ...SINGLE],
      needs: ['strace'],
    }),
  ),
  {
    name: 'kill -9 at one fdatasync after the other, split',
    args: ['syscall', '--syscall', 'fdatasync', '--first', '4', '--step', '4', '--rounds', '2', ...SPLIT],
    needs: ['strace'],
  },
  ...(
    [
      ['fdatasync', 'EIO', SINGLE],
      ['fdatasync', 'EIO', SPLIT],
      ['writev', 'ENOSPC', SINGLE],
      ['pwrite64', 'ENOSPC', SINGLE],
    ] as const
  ).map(
    ([call, error, processes]): Case => ({
      name: `${error} from ${call}, ${processes[1]}`,
      args: ['inject', '--syscall', call, '--error', error, '--rounds', '4', ...processes],
      needs: ['strace'],
    }),
  ),
  { name: 'an fdatasync of 12 s', args: ['slow-sync', ...SINGLE], needs: ['strace'] },
  { name: 'a full file system of 48 MB', args: ['full-disk', '--rounds', '1', ...SINGLE], needs: ['root'] },
  {
    name: 'two power cuts in a row, single',
    args: ['power-cut', '--rounds', '2', ...SINGLE],
    needs: ['root', 'qemu-storage-daemon'],
  },
  {
    name: 'storage rolled back twice without a reboot, single',
    args: ['power-cut', '--same-boot', '--rounds', '2', ...SINGLE],
    needs: ['root', 'qemu-storage-daemon'],
  },
  {
    name: 'two power cuts in a row, split',
    args: ['power-cut', '--rounds', '1', ...SPLIT],
    needs: ['root', 'qemu-storage-daemon'],
  },
];

for (const { name, args, needs } of CASES) {
  test(`crash driver: what was answered 250 survives ${name}`, { skip: lacking('python3', ...needs) }, (t) =>
    crash(t, ...args),
  );
}

// ── the driver itself: it finds what is planted in a toy relay ────────────────────────────────────────────────────────

const TOYS: readonly (readonly [bug: string, finds: RegExp | undefined, mode: string, needs: readonly Need[]])[] = [
  ['none', undefined, 'kill', []],
  ['ack-early', /^LOST x/m, 'kill', []],
  ['partial', /^(?:PHANTOM|ALIEN) x/m, 'kill', []],
  ['nosync', /^LOST x/m, 'power-cut', ['root', 'qemu-storage-daemon']],
];

for (const [bug, finds, mode, needs] of TOYS) {
  const what = finds === undefined ? 'passes a relay without a planted bug' : `finds the planted bug "${bug}"`;
  test(`crash driver: ${what}`, { skip: lacking('shared', 'python3', ...needs) }, async () => {
    const modules = join(PROJECT_ROOT, 'node_modules/');
    const toy = `env PORT=$IN_PORT SINK=$SINK_PORT SPOOL=$RUN_DIR/spool BUG=${bug} NM=${modules} node ${SHARED}/toy-relay.mjs`;
    const rounds = mode === 'kill' ? '3' : '1';
    const abort = bug === 'partial' ? ['--abort', '0.3'] : [];
    const dir = mkdtempSync(join(tmpdir(), 'postilion-toy-'));
    try {
      const args = [mode, '--rounds', rounds, ...abort, '--dir', dir, '--start', toy];
      const dump = `node ${join(PROJECT_ROOT, 'test/harness/toy-dump.mjs')}`;
      const { status, output } = await python(DRIVER, [...args, '--dump', dump]);
      if (finds !== undefined) match(output, finds);
      equal(status, finds === undefined ? 0 : 1, output);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

// ── the shared harnesses, with the measuring start ────────────────────────────────────────────────────────────────────

/** The longest that a delivery waited from acceptance to its end, by the accounting files of a relay. */
function longestWait(folder: string): { readonly deliveries: number; readonly waitMs: number } {
  const rows = readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean))
    .map((line) => JSON.parse(line) as { readonly at: string; readonly accepted_at: string });
  const waits = rows.map((row) => Date.parse(row.at) - Date.parse(row.accepted_at));
  return { deliveries: rows.length, waitMs: Math.max(0, ...waits) };
}

const WAIT_MS_MAX = 10_000;

async function shared(t: TestContext, script: string, env: Readonly<Record<string, string>>, ...args: string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'postilion-shared-'));
  // apart for each test of this file, below the ports that the kernel gives to clients
  const port = 20_000 + ((process.pid * 16 + ports) % 12_000);
  ports += 2;
  try {
    const start = ['--start', START, '--port', String(port), '--sink-port', String(port + 1)];
    const work = script === 'fsync_order.py' ? ['--out', join(dir, 'relh/fsync.strace')] : ['--dir', join(dir, 'work')];
    const { status, output } = await python(join(SHARED, script), [...start, ...work, ...args], {
      TMPDIR: dir,
      RUN_DIR: join(dir, 'run'),
      IN_PORT: String(port),
      SINK_PORT: String(port + 1),
      RETRY: '1s',
      ...env,
    });
    if (status === 2 && /cannot|not found/i.test(output)) return t.skip(output.trim().split('\n').at(-1));
    match(output, /VERDICT PASS/);
    equal(status, 0, output);
    if (env['ACCOUNTING'] !== 'json') return;
    const { deliveries, waitMs } = longestWait(join(dir, 'run/log'));
    t.diagnostic(
      `${args.join(' ')}: ${deliveries} deliveries, the longest took ${waitMs} ms from acceptance to its end`,
    );
    equal(deliveries > 0 && waitMs <= WAIT_MS_MAX, true, `${deliveries} deliveries, one waited ${waitMs} ms`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
let ports = 0;

const SHARED_CASES: readonly {
  readonly name: string;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly needs: readonly Need[];
}[] = [
  { name: 'the record is synced before 250', script: 'fsync_order.py', env: {}, args: [], needs: ['strace'] },
  {
    name: 'accepted is delivered over kill -9',
    script: 'kill9_oracle.py',
    env: {},
    args: ['--kills', '3'],
    needs: [],
  },
  {
    name: 'accepted is delivered over kill -9 of one process, and by the accounting files nothing waits longer than 10 s',
    script: 'kill9_oracle.py',
    env: { PROCESSES: 'split', ACCOUNTING: 'json' },
    args: ['--kills', '3', '--mode', 'kill-one'],
    needs: [],
  },
  {
    name: 'accepted is delivered over kill -9 while 20 clients never pause',
    script: 'kill9_oracle.py',
    env: {},
    args: ['--kills', '3', '--workers', '20', '--think', '0'],
    needs: [],
  },
  {
    name: 'a receiver whose 250 is lost at times gets each of those again, and no other',
    script: 'kill9_oracle.py',
    env: {},
    args: ['--mode', 'watch', '--kills', '4', '--lose250', '0.1', '--dot-delay', '0.02'],
    needs: [],
  },
  ...['single', 'split'].map((processes) => ({
    name: `an orderly stop makes no second copy, ${processes}`,
    script: 'kill9_oracle.py',
    env: { PROCESSES: processes },
    args: ['--kills', '2', '--mode', 'term'],
    needs: [],
  })),
  {
    name: 'accepted is delivered over a kill at one fdatasync after the other',
    script: 'kill9_oracle.py',
    env: { UV_THREADPOOL_SIZE: '1' },
    args: ['--kills', '3', '--mode', 'syscall', '--syscall', 'fdatasync'],
    needs: ['strace'],
  },
  {
    name: 'what cannot be synced is not answered',
    script: 'kill9_oracle.py',
    env: { UV_THREADPOOL_SIZE: '1' },
    args: ['--kills', '4', '--mode', 'inject', '--syscall', 'fdatasync', '--error', 'EIO'],
    needs: ['strace'],
  },
];

for (const { name, script, env, args, needs } of SHARED_CASES) {
  test(`shared harness: ${name}`, { skip: lacking('shared', 'python3', ...needs) }, (t) =>
    shared(t, script, env, ...args),
  );
}

test('shared harness: accepted survives power cuts', {
  skip: lacking('shared', 'root', 'qemu-storage-daemon'),
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postilion-power-'));
  try {
    await shared(t, 'powercut.py', { RUN_DIR: dir }, '--spool', join(dir, 'spool'), '--points', '3', '--secs', '3');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('shared harness: on a full disk delivery goes on and nothing is lost', {
  skip: lacking('shared', 'root'),
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postilion-full-'));
  try {
    const args = ['--mode', 'enospc', '--spool', join(dir, 'spool'), '--kills', '2'];
    await shared(t, 'kill9_oracle.py', { RUN_DIR: dir }, ...args);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
