import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Child, type ChildEnd, spawnFrom } from '../../src/app/child.ts';
import type { FromChild } from '../../src/app/ipc-records.ts';
import { bindSocket } from '../../src/app/listening-socket.ts';
import type { Documents } from '../../src/app/roles.ts';
import { EXIT } from '../../src/base/errors.ts';
import type { Config } from '../../src/config/config.ts';

const SCRIPT = join(
  fileURLToPath(new URL('.', import.meta.url)),
  `child-roles${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
);

function documents(hostname: string, number = 1): Documents {
  return {
    config: { number, hostname, log: { level: 'error' }, folders: { run: '/nowhere' } } as Config,
    users: [],
  };
}

interface Watched {
  readonly child: Child;
  readonly heard: FromChild[];
  /** Resolves with the first message that says this. */
  says(say: FromChild['say']): Promise<FromChild>;
  readonly end: Promise<ChildEnd>;
}

function watch(t: TestContext, name: string, inherit: readonly number[] = []): Watched {
  const heard: FromChild[] = [];
  let wake = (): void => {};
  const ended: { resolve?: (end: ChildEnd) => void } = {};
  const end = new Promise<ChildEnd>((resolve) => (ended.resolve = resolve));
  const child = spawnFrom(SCRIPT)(name, inherit, {
    heard: (message) => {
      heard.push(message);
      wake();
    },
    ended: (how) => ended.resolve?.(how),
  });
  t.after(() => child.kill());
  const says = async (say: FromChild['say']): Promise<FromChild> => {
    for (;;) {
      const found = heard.find((message) => message.say === say);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return { child, heard, says, end };
}

function greeting(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    connect(port, '127.0.0.1')
      .on('data', (chunk: Buffer) => (text += chunk.toString()))
      .on('error', reject)
      .on('close', () => resolve(text));
  });
}

test('child: serves an inherited socket, goes over to a reload, and another is there when it dies', async (t) => {
  const socket = await bindSocket('in', '127.0.0.1', 0);
  t.after(() => socket.close());
  const start = (name: string): Watched => {
    const watched = watch(t, name, [socket.fd]);
    watched.child.send({
      say: 'start',
      start: { role: 'submission', name, documents: documents('one'), listeners: [{ name: 'in', fd: 4 }], alive: [] },
    });
    return watched;
  };
  const first = start('submission-1');
  await first.says('ready');
  assert.deepEqual(await first.says('segment'), { say: 'segment', segment: 'submission-1.seg' });
  assert.equal(await greeting(socket.port), `submission-1 ${first.child.pid} in one`);
  first.child.send({ say: 'prepare', documents: documents('refuse', 2) });
  assert.deepEqual(await first.says('prepared'), { say: 'prepared', number: 2, trouble: 'refused' });
  first.heard.length = 0;
  first.child.send({ say: 'prepare', documents: documents('two', 3) });
  assert.deepEqual(await first.says('prepared'), { say: 'prepared', number: 3 });
  first.child.send({ say: 'use', number: 3 });
  assert.equal(await greeting(socket.port), `submission-1 ${first.child.pid} in two`);
  first.child.kill();
  assert.deepEqual(await first.end, { code: undefined, signal: 'SIGKILL' });
  // Comes while nobody accepts, and waits in the kernel.
  const patient = greeting(socket.port);
  const second = start('submission-2');
  assert.equal(await patient, `submission-2 ${second.child.pid} in one`);
  process.kill(second.child.pid, 'SIGTERM');
  process.kill(second.child.pid, 'SIGHUP');
  assert.match(await greeting(socket.port), /^submission-2/);
  second.child.send({ say: 'stop' });
  assert.deepEqual(await second.end, { code: EXIT.ok, signal: undefined });
});

test('child: one that cannot start says why and ends with its exit code', async (t) => {
  const { child, says, end } = watch(t, 'scheduler');
  const start = { role: 'scheduler', name: 'scheduler', documents: documents('no scheduler'), listeners: [] } as const;
  child.send({ say: 'start', start: { ...start, alive: [] } });
  assert.deepEqual(await says('failed'), { say: 'failed', message: 'scheduler does not like this', exitCode: 78 });
  assert.deepEqual(await end, { code: EXIT.configuration, signal: undefined });
});

test('child: ends by itself in order when its supervisor is gone', async (t) => {
  const orphan: ChildProcess = fork(SCRIPT, ['--child', 'egress-1'], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  t.after(() => orphan.kill('SIGKILL'));
  let text = '';
  let log = '';
  orphan.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  orphan.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const start = { role: 'egress', name: 'egress-1', documents: documents('aloud'), listeners: [], alive: [] };
  orphan.send({ say: 'start', start });
  await new Promise((resolve) => orphan.on('message', resolve));
  // Not `close`: it does not come after a disconnect of ours.
  const end = Promise.all([
    new Promise((resolve) => orphan.on('exit', resolve)),
    new Promise((resolve) => orphan.stdout?.on('end', resolve)),
    new Promise((resolve) => orphan.stderr?.on('end', resolve)),
  ]);
  orphan.disconnect();
  assert.deepEqual(await end, [EXIT.ok, undefined, undefined]);
  assert.equal(text, 'egress-1 stops\n');
  assert.match(log, /^[^\n]*"the supervisor is gone: this process ends"[^\n]*\n$/);
});
