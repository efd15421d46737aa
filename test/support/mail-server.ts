// Mail servers that the relay meets out there, each in a folder of its own with a configuration of its own, started for a
// test and gone after it.
import { equal } from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from './relay.ts';
import { PROJECT_ROOT } from './tree.ts';

const PEERS = process.env['PEERS'] ?? join(homedir(), '.cache', 'postilion-peers');
/** What must be there to start it: a program of the system, or a file below $PEERS. */
export const RECEIVERS = {
  postfix: '/usr/sbin/postfix',
  exim: join(PEERS, 'exim4-daemon/usr/sbin/exim4'),
  opensmtpd: join(PEERS, 'opensmtpd/usr/sbin/smtpd'),
  haraka: join(PEERS, 'haraka/node_modules/Haraka/bin/haraka'),
} as const;
export const PATIENCE_MS = 60_000;

export interface Receiver {
  readonly port: number;
  /** What it stored, message by message. */
  readonly stored: () => Buffer[];
}

/** Why it cannot be started here. */
export function lacking(program: string): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = ['smtp-source', 'swaks', 'unshare'].filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length > 0) return `no program ${missing.join(', ')}`;
  return existsSync(program) ? false : `no ${program}`;
}

export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('data', () => {
      socket.end('QUIT\r\n');
      resolve(true);
    });
    socket.on('error', () => resolve(false));
    socket.setTimeout(5_000, () => socket.destroy(new Error('silent')));
  });
}

/** Starts it, and ends it with all its children after the test. */
export async function receiver(
  t: TestContext,
  name: keyof typeof RECEIVERS,
  more: Readonly<Record<string, string>> = {},
): Promise<Receiver> {
  const folder = mkdtempSync(join(tmpdir(), `postilion-${name}-`));
  const port = await freePort();
  const env = { ...process.env, RUN_DIR: folder, IN_PORT: `${port}`, PEERS, NODE: process.execPath, ...more };
  const child = spawn(join(PROJECT_ROOT, 'test/mta', name), { env, detached: true, stdio: 'ignore' });
  t.after(async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  });
  await until(`${name} answers`, () => {
    equal(child.exitCode, null, `${name} ended`);
    return answers(port);
  });
  const maildir = join(folder, 'mail', 'new');
  const at = name === 'haraka' ? join(folder, 'mail') : maildir;
  return {
    port,
    stored: () => (existsSync(at) ? readdirSync(at).map((file) => readFileSync(join(at, file))) : []),
  };
}

/** Asked first, so that it ends its own children; then its whole process group, which is ours alone. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const ended = child.exitCode !== null || new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(late);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
