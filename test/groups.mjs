// Test files that share a process: starting one and reading what it imports costs more than most of them run.
// Files that touch what belongs to a whole process (its environment, signals, children, heap) have one of their own.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

const TESTS = resolve('dist/test');
const FOLDER = join(TESTS, 'groups');
/** So many files of one folder at most: enough that the start no longer matters, few enough to share two processors. */
const MOST = 8;

const OWN_PROCESS = new RegExp(
  [
    'node:(?:child_process|cluster|v8|worker_threads)',
    String.raw`process\.(?:on|once|emit|exit|exitCode|umask|chdir|kill|memoryUsage|env\b.*\]? = )`,
    String.raw`\bmock\.|\bgc\(`,
    // hooks of a whole file would be hooks of its whole group
    String.raw`^(?:before|beforeEach|after|afterEach)\(`,
  ].join('|'),
  'm',
);
const IMPORTED = /^(?:import|export)\b[^'"]*?['"](\.[^'"]+)['"]/gm;

/** Whether this file, or a file of the tests that it imports, touches the process. */
function needsOwnProcess(file, seen = new Set()) {
  if (seen.has(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (OWN_PROCESS.test(text)) return true;
  return [...text.matchAll(IMPORTED)]
    .map(([, path]) => resolve(dirname(file), path))
    .some((imported) => imported.startsWith(TESTS + sep) && needsOwnProcess(imported, seen));
}

/**
 * Imports its files in turn. One that cannot be imported fails under its own name, and the others run all the same. What has
 * begun stands in a file, for `lastBegun`: a process that is killed takes with it what it had yet to report. One that a test
 * ends, with whatever code, has failed.
 */
function program(files, group) {
  const own = files.map((file) => [relative('', file), `./${relative(FOLDER, file)}`]);
  return `import { writeFileSync } from 'node:fs';
import { beforeEach, test } from 'node:test';
let hasEnded = false;
process.once('beforeExit', () => (hasEnded = true));
process.on('exit', () => (process.exitCode = hasEnded ? process.exitCode : process.exitCode || 1));
beforeEach(({ name }) => writeFileSync(${JSON.stringify(begun(group))}, name));
for (const [file, path] of ${JSON.stringify(own)}) {
  try {
    await import(path);
  } catch (error) {
    test(file, () => {
      throw error;
    });
  }
}
`;
}

const begun = (group) => group.replace(/js$/, 'begun');

/** Name of the test of a group that began last. */
export function lastBegun(group) {
  return existsSync(begun(group)) ? readFileSync(begun(group), 'utf8') : undefined;
}

/** Deals `files`, largest first, to as many hands as needed for `MOST` in each: what takes long is not all in one. */
function dealt(files) {
  const hands = Array.from({ length: Math.ceil(files.length / MOST) }, () => []);
  const sizes = new Map(files.map((file) => [file, statSync(file).size]));
  const ordered = files.toSorted((a, b) => sizes.get(b) - sizes.get(a));
  for (const [n, file] of ordered.entries()) hands[n % hands.length].push(file);
  return hands;
}

/**
 * What to run, each in its own process, and which files it runs: `files` are absolute paths below dist/test. What holds most
 * comes first, so that at the end both processors have work.
 */
export function grouped(files) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const folders = new Map();
  const processes = [];
  for (const file of files) {
    if (file.endsWith('.slow.test.js') || needsOwnProcess(file)) processes.push([file, [file]]);
    else folders.set(dirname(file), [...(folders.get(dirname(file)) ?? []), file]);
  }
  for (const [folder, members] of folders) {
    for (const [n, hand] of dealt(members).entries()) {
      if (hand.length === 1) processes.push([hand[0], hand]);
      else {
        const group = join(FOLDER, `${relative(TESTS, folder).replaceAll('/', '-') || 'top'}-${n + 1}.js`);
        writeFileSync(group, program(hand, group));
        processes.push([group, hand]);
      }
    }
  }
  return new Map(processes.sort(([, a], [, b]) => b.length - a.length));
}
