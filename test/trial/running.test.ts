import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { announce, findTrial, type RunningTrial, withdraw } from '../../src/trial/running.ts';

function runtimeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'postilion-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const trialOf = (changes: Partial<RunningTrial>): RunningTrial => ({
  pid: process.pid,
  host: '127.0.0.1',
  port: 2525,
  user: 'trial',
  password: 'secret',
  root: '/nowhere',
  startedAt: 1,
  ...changes,
});

/** Of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

test('running trials: one is found while it runs, by its owner alone, and is gone afterwards', (t) => {
  const folder = runtimeFolder(t);
  const env = { XDG_RUNTIME_DIR: folder };
  assert.equal(findTrial(env), undefined);
  const path = announce(env, trialOf({ port: 2527 }));
  assert.ok(path !== undefined);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(findTrial(env)?.port, 2527);
  withdraw(env, path);
  withdraw(env, path);
  assert.deepEqual([findTrial(env), readdirSync(folder)], [undefined, []]);
});

test('running trials: what a killed one left is not found, and is cleared away by the next', (t) => {
  const folder = runtimeFolder(t);
  const env = { XDG_RUNTIME_DIR: folder };
  const left = mkdtempSync(join(tmpdir(), 'postilion-trial-'));
  const other = join(folder, 'not-a-trial');
  mkdirSync(other);
  const pid = deadPid();
  const write = (name: string, trial: RunningTrial): void =>
    writeFileSync(join(folder, name), JSON.stringify(trial), { mode: 0o600 });
  write(`postilion-trial-${pid}.json`, trialOf({ pid, root: left, startedAt: 9 }));
  write('postilion-trial-1.json', trialOf({ pid, root: other }));
  assert.equal(findTrial(env), undefined);
  announce(env, trialOf({}));
  assert.deepEqual([existsSync(left), existsSync(other)], [false, true], 'nothing but a folder of a trial is removed');
  assert.deepEqual(readdirSync(folder).sort(), ['not-a-trial', `postilion-trial-${process.pid}.json`]);
});

test('running trials: a folder that others may read is not used', (t) => {
  const folder = runtimeFolder(t);
  const fallback = runtimeFolder(t);
  chmodSync(folder, 0o755);
  const env = { XDG_RUNTIME_DIR: folder };
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = fallback;
  t.after(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  const path = announce(env, trialOf({}));
  assert.ok(path !== undefined && path.startsWith(fallback));
  assert.deepEqual(readdirSync(folder), []);
  withdraw(env, path);
  assert.deepEqual(readdirSync(fallback), [], 'our own folder goes with the last trial');
});
