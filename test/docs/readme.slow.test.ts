// The README's commands, taken out of it and run as they stand: in a fresh clone, with an empty environment, a new home
// and an empty cache of npm. Says how long a newcomer waits.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PROJECT_ROOT } from '../support/tree.ts';
import { fenced } from './fenced.ts';

const BLOCKS = fenced(readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8'), 'sh').map((block) =>
  block.trimEnd().split('\n'),
);
const [[START = '', TEST = ''] = [], [SEND = ''] = [], [INSTALL = ''] = []] = BLOCKS;

/** A clone on a machine with nothing but Node 20 and the registry. */
const FIRST_DELIVERY_S = 120;
/** The same once it is installed and built. */
const AGAIN_S = 5;
/** Starts of which the quickest counts: other tests run beside on the same cores. */
const STARTS = 3;
/** Programs a core: this test and another are less. */
const BUSY = 3;

const hasGit = spawnSync('git', ['-C', PROJECT_ROOT, 'rev-parse', 'HEAD']).status === 0;
const skip = hasGit ? false : 'this tree is no clone';

interface Fresh {
  readonly clone: string;
  readonly tmp: string;
  /** All of the environment. */
  readonly env: Readonly<Record<string, string>>;
}

function fresh(t: TestContext): Fresh {
  const root = mkdtempSync(join(tmpdir(), 'pf-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  // as a checkout is: the user of a service must come through
  chmodSync(root, 0o755);
  const [clone, home, tmp, bin] = ['clone', 'home', 'tmp', 'bin'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const folder of [home, tmp, bin]) mkdirSync(folder);
  equal(spawnSync('git', ['clone', '-q', `file://${PROJECT_ROOT}`, clone]).status, 0);
  // What `sudo` does on a machine of one's own, done in a root of the test.
  writeFileSync(join(bin, 'sudo'), `#!/bin/sh\nexec "$@" --root ${root}/host\n`, { mode: 0o755 });
  const path = [bin, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'].join(':');
  return { clone, tmp, env: { PATH: path, HOME: home, TMPDIR: tmp } };
}

class Shell {
  out = '';
  readonly #child: ChildProcess;
  readonly code: Promise<number | null>;
  #wake = (): void => {};

  constructor(t: TestContext, line: string, { clone, env }: Fresh) {
    // A group of its own, as in a terminal, where Ctrl-C reaches all of it.
    this.#child = spawn('sh', ['-c', line], { cwd: clone, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.code = new Promise((resolve) => this.#child.on('close', resolve));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.out += chunk.toString();
        this.#wake();
      });
    }
    t.after(() => {
      const { exitCode, signalCode } = this.#child;
      if (exitCode === null && signalCode === null) this.#kill('SIGKILL');
    });
  }

  async says(what: RegExp): Promise<void> {
    while (!what.test(this.out)) {
      const ended = await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), this.code]);
      if (ended !== undefined) throw new Error(`ended with ${String(ended)}: ${this.out}`);
    }
  }

  interrupt(): void {
    this.#kill('SIGINT');
  }

  #kill(signal: NodeJS.Signals): void {
    process.kill(-(this.#child.pid ?? 0), signal);
  }
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 100) / 10;
}

/** Where far more wants to run than there are cores, a clock tells of the others. */
function inTime(t: TestContext, took: number, atMost: number): void {
  const load = (loadavg()[0] ?? 0) / availableParallelism();
  if (load > BUSY) t.diagnostic(`README: not judged: ${load.toFixed(1)} programs a core want to run here`);
  else ok(took < atMost, `${took} s`);
}

/** From the command to the first message delivered, in s; ended by Ctrl-C, after which nothing is left. */
async function startAndSend(t: TestContext, here: Fresh): Promise<number> {
  const began = performance.now();
  const trial = new Shell(t, START, here);
  await trial.says(/Nothing is left behind\.\n\n/);
  const sent = new Shell(t, SEND, here);
  await trial.says(/delivered {2}….* {2}anna@gmail\.com/);
  const took = seconds(began);
  equal(await sent.code, 0, sent.out);
  trial.interrupt();
  await trial.code;
  match(trial.out, /Stopped: 1 accepted, 1 delivered\. Nothing is left behind\.\n/);
  deepEqual(
    readdirSync(here.tmp).filter((name) => name.startsWith('postilion')),
    [],
  );
  return took;
}

test('README: its commands work as written in a fresh clone with an empty environment, and soon', {
  skip,
}, async (t) => {
  deepEqual([START, TEST], ['npm start', 'npm test']);
  const here = fresh(t);
  const first = await startAndSend(t, here);
  t.diagnostic(`README: first message delivered ${first} s after ${START} in a fresh clone`);
  inTime(t, first, FIRST_DELIVERY_S);
  const again: number[] = [];
  for (let at = 0; at < STARTS && !(Math.min(...again) < AGAIN_S); at++) again.push(await startAndSend(t, here));
  t.diagnostic(`README: first message delivered ${again.join(', ')} s after ${START} once it is installed`);
  inTime(t, Math.min(...again), AGAIN_S);

  // All of it is what runs this test; a word chooses a few.
  const began = performance.now();
  const tests = new Shell(t, `${TEST} -- rfc-index`, here);
  equal(await tests.code, 0, tests.out);
  match(tests.out, /\n[1-9]\d* passed, 0 failed, \d+ skipped\n$/);
  t.diagnostic(`README: ${TEST} -- rfc-index took ${seconds(began)} s there`);

  if (process.getuid?.() !== 0) return t.diagnostic('README: not root, so the service was not installed');
  const installed = new Shell(t, INSTALL, here);
  equal(await installed.code, 0, installed.out);
  match(installed.out, /^account +app1 {2}password: /m);
  match(installed.out, /^In the firewall:$/m);
});
