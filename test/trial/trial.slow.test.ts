// The command as people run it: a process of its own, told by its first line where it is, watched by its events.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXIT } from '../../src/base/errors.ts';
import type { ReceivedEvent } from '../../src/trial/event.ts';
import { type Here, outcomeOf, place, PROGRAM, type Running, send, startTrial } from './program.ts';

const START = fileURLToPath(new URL('../../../test/start.mjs', import.meta.url));

/** Nothing listens, nothing lies about. */
async function nothingIsLeft({ root }: Here, { facts }: Running): Promise<void> {
  assert.deepEqual(readdirSync(root), []);
  assert.equal(existsSync(facts.config), false);
  for (const port of [facts.port, facts.mailPort]) {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, port === facts.port ? facts.host : '127.0.0.2');
      socket
        .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
        .on('connect', () => resolve('open'));
    });
    assert.equal(answer, 'ECONNREFUSED');
  }
}

test('trial: messages go the way that their addresses ask for, and SIGTERM leaves nothing behind', async (t) => {
  const here = place(t);
  const trial = await startTrial(t, here);
  const { facts } = trial;
  assert.equal(facts.type, 'trial');
  assert.equal(facts.pid, trial.child.pid);

  const first = send(here, '--json', '--to', 'anna@gmail.com');
  assert.equal(first.code, EXIT.ok, first.note);
  const { messageId, reply } = JSON.parse(first.out) as { messageId: string; reply: string };
  assert.match(reply, /^250 /);
  const google = await outcomeOf(trial, 'anna@gmail.com', 'delivered');
  assert.equal(google.messageId, messageId);
  assert.equal(google.remote?.host, 'gmail-smtp-in.l.google.com');
  assert.match(google.reply?.lines.join(' ') ?? '', /gsmtp/);
  const received = (await trial.until((event) => event.type === 'received')) as ReceivedEvent;
  assert.equal(received.personality, 'google');
  assert.equal(received.signatures, 1);
  assert.ok(Object.values(facts.sources).includes(received.from), received.from);

  const steered = ['550@a.example', 'greylist@b.example', '421@c.example', 'drop@d.example', 'user@yahoo.com'];
  assert.equal(send(here, '--to', steered.join(',')).code, EXIT.ok);
  const [failed, grey, refused, dropped, yahoo] = await Promise.all([
    outcomeOf(trial, '550@a.example', 'failed'),
    outcomeOf(trial, 'greylist@b.example', 'deferred'),
    outcomeOf(trial, '421@c.example', 'deferred'),
    outcomeOf(trial, 'drop@d.example', 'deferred'),
    outcomeOf(trial, 'user@yahoo.com', 'delivered'),
  ]);
  assert.equal(failed.reply?.code, 550);
  assert.equal(grey.reply?.code, 451);
  const waits = (grey.nextAttemptAt ?? 0) - grey.at;
  assert.ok(waits > 0 && waits <= 10_000, `again in ${waits} ms`);
  assert.equal(refused.reply?.code, 421);
  assert.equal(dropped.mayHaveBeenDelivered, true);
  assert.match(yahoo.remote?.host ?? '', /yahoodns\.net$/);
  assert.equal((await outcomeOf(trial, 'greylist@b.example', 'delivered')).attempts, 2);

  trial.child.kill('SIGTERM');
  assert.equal(await trial.code, EXIT.ok);
  await nothingIsLeft(here, trial);
});

test('trial: the relay inside answers the other commands, and a second trial runs beside the first', async (t) => {
  const here = place(t);
  const trial = await startTrial(t, here);
  send(here, '--to', 'full@example.com');
  await outcomeOf(trial, 'full@example.com', 'deferred');
  const args = [PROGRAM, '--config', trial.facts.config, '--json', 'queue'];
  const queue = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal((JSON.parse(queue.stdout) as { deliveries: number }).deliveries, 1, queue.stderr);

  const second = await startTrial(t, here);
  assert.notEqual(second.facts.port, trial.facts.port);
  assert.equal(send(here, '--to', 'a@two.example').code, EXIT.ok);
  await outcomeOf(second, 'a@two.example', 'delivered');
  assert.equal(send(here, '--port', String(second.facts.port)).code, EXIT.ok, 'credentials by the port');
  second.child.kill('SIGINT');
  assert.equal(await second.code, EXIT.ok);
  assert.equal(send(here, '--to', 'a@one.example').code, EXIT.ok);
  await outcomeOf(trial, 'a@one.example', 'delivered');
  trial.child.kill('SIGHUP');
  assert.equal(await trial.code, EXIT.ok);
  await nothingIsLeft(here, trial);
});

test('send: a file goes as it is, a count goes on one connection, and each refusal has its exit code', async (t) => {
  const here = place(t);
  const trial = await startTrial(t, here);
  const { host, port, user } = trial.facts;
  const server = ['--host', host, '--port', String(port), '--from', 'a@trial.test', '--to', 'b@example.com'];
  const nobody = send(here, ...server);
  assert.equal(nobody.code, EXIT.no, nobody.note);
  assert.match(nobody.note, /530 5\.7\.0/);
  const stranger = send(here, ...server, '--user', user, '--password', 'wrong');
  assert.equal(stranger.code, EXIT.permission, stranger.note);
  assert.match(stranger.note, /535 5\.7\.8/);
  const closed = send(here, '--port', '1', '--from', 'a@trial.test', '--to', 'b@example.com');
  assert.equal(closed.code, EXIT.noRelay, closed.note);

  const many = send(here, '--count', '25', '--to', 'c@example.com');
  assert.equal(many.code, EXIT.ok, many.note);
  assert.equal(many.out.trimEnd().split('\n').length, 25);
  const ids = new Set(many.out.match(/[0-9a-z]{26}/g));
  assert.equal(ids.size, 25);
  for (const id of ids) await trial.until((event) => event.type === 'outcome' && event.messageId === id);

  const file = send(here, '--file', '/dev/null', '--to', 'd@example.com');
  assert.equal(file.code, EXIT.ok, file.note);
  await outcomeOf(trial, 'd@example.com', 'delivered');
  trial.child.kill('SIGTERM');
  assert.equal(await trial.code, EXIT.ok);
});

const noSwaks = spawnSync('swaks', ['--version']).status === 0 ? false : 'no program swaks';

test('trial: the swaks line that it prints works as printed', { skip: noSwaks }, async (t) => {
  const here = place(t);
  const child = spawn(process.execPath, [PROGRAM, 'trial', '--port', '0'], { env: here.env });
  t.after(() => child.kill('SIGKILL'));
  const code = new Promise((resolve) => child.on('exit', resolve));
  let out = '';
  let wake = (): void => {};
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    wake();
  });
  const says = async (what: RegExp): Promise<void> => {
    while (!what.test(out)) {
      const ended = await Promise.race([new Promise<void>((resolve) => (wake = resolve)), code]);
      if (ended !== undefined) throw new Error(`ended with ${String(ended)}: ${out}`);
    }
  };
  await says(/Nothing is left behind\.\n\n/);
  const line = /^ +(swaks .*)$/m.exec(out)?.[1] ?? '';
  const swaks = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  assert.equal(swaks.status, 0, swaks.stdout);
  await says(/delivered {2}….* {2}anna@gmail\.com/);
  assert.ok(!out.includes('\u001b'), 'no colour where there is no screen');
  child.kill('SIGINT');
  assert.equal(await code, EXIT.ok);
  assert.match(out, /Stopped: 1 accepted, 1 delivered\. Nothing is left behind\.\n$/);
  assert.deepEqual(readdirSync(here.root), []);
});

test('trial: a Ctrl-C that comes from the terminal and from npm is one, and stops in order', async (t) => {
  const here = place(t);
  const trial = await startTrial(t, here);
  send(here, '--to', 'slow@example.com');
  trial.child.kill('SIGINT');
  trial.child.kill('SIGINT');
  assert.equal(await trial.code, EXIT.ok);
  await nothingIsLeft(here, trial);
});

test('trial: one that is stopped while it starts leaves nothing behind', async (t) => {
  const here = place(t);
  const child = spawn(process.execPath, [PROGRAM, 'trial', '--port', '0'], { env: here.env });
  t.after(() => child.kill('SIGKILL'));
  const code = new Promise((resolve) => child.on('exit', resolve));
  while (readdirSync(here.root).length === 0 && child.exitCode === null) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  child.kill('SIGINT');
  assert.equal(await code, EXIT.ok);
  assert.deepEqual(readdirSync(here.root), []);
});

test('trial: what a killed one leaves is cleared away by the next', async (t) => {
  const here = place(t);
  const killed = await startTrial(t, here);
  killed.child.kill('SIGKILL');
  await killed.code;
  assert.equal(existsSync(killed.facts.config), true);
  const next = await startTrial(t, here);
  assert.equal(existsSync(killed.facts.config), false);
  next.child.kill('SIGTERM');
  assert.equal(await next.code, EXIT.ok);
  await nothingIsLeft(here, next);
});

test('trial: a port that is taken is 71 when it was asked for, and leaves nothing behind', async (t) => {
  const here = place(t);
  const trial = await startTrial(t, here);
  const args = [PROGRAM, 'trial', '--port', String(trial.facts.port)];
  const second = spawnSync(process.execPath, args, { env: here.env, encoding: 'utf8' });
  assert.equal(second.status, EXIT.portInUse, second.stderr);
  assert.match(second.stderr, /is in use by another process/);
  assert.equal(readdirSync(here.root).filter((name) => name.startsWith('postilion-trial-')).length, 1);
  trial.child.kill('SIGTERM');
  assert.equal(await trial.code, EXIT.ok);
});

test('trial: npm start is the trial', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(START, '../../package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  assert.equal(scripts.start, 'exec node test/start.mjs');
  const here = place(t);
  const trial = await startTrial(t, here, [START]);
  assert.equal(send(here).code, EXIT.ok);
  await outcomeOf(trial, 'anna@gmail.com', 'delivered');
  trial.child.kill('SIGTERM');
  assert.equal(await trial.code, EXIT.ok);
});
