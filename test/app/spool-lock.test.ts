import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { lockSpool } from '../../src/app/spool-lock.ts';
import { systemClock } from '../../src/base/clock.ts';
import { EXIT, OperatorError } from '../../src/base/errors.ts';

const mine = { clock: systemClock, pid: 4711 };

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'postilion-'));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

function refuses(exitCode: number, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OperatorError);
    assert.equal(error.exitCode, exitCode);
    assert.match(error.message, text);
    return true;
  };
}

test('spool lock: a second one is refused and told who has it, by whatever path it comes', async (t) => {
  const spool = folder(t);
  const alias = join(folder(t), 'alias');
  symlinkSync(spool, alias);
  const lock = await lockSpool(spool, mine);
  for (const path of [spool, alias]) {
    await assert.rejects(lockSpool(path, mine), refuses(EXIT.configuration, /in use by process 4711/));
  }
  const other = await lockSpool(folder(t), mine);
  other.release();
  lock.release();
  lock.release();
  (await lockSpool(spool, mine)).release();
});

test('spool lock: the folder is made for the relay alone, and never for who only looks', async (t) => {
  const spool = join(folder(t), 'deep', 'spool');
  await assert.rejects(lockSpool(spool, mine), refuses(EXIT.configuration, /there is no spool at/));
  (await lockSpool(spool, { ...mine, create: true })).release();
  assert.equal(statSync(spool).mode & 0o777, 0o700);
});

test('spool lock: holds until the last child that inherited it has ended', async (t) => {
  const spool = folder(t);
  mkdirSync(spool, { recursive: true });
  const lock = await lockSpool(spool, mine);
  const child = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore', lock.fd] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  lock.release();
  await assert.rejects(
    lockSpool(spool, { ...mine, orphansMs: 0 }),
    refuses(EXIT.configuration, /in use by a process that does not answer/),
  );
  const next = lockSpool(spool, mine);
  child.stdin?.end();
  await ended;
  (await next).release();
});
