// Real clients → the relay as an operator configures it → a real Postfix found by MX, in network namespaces of its own.
// test/e2e/world.py plays it once and reports step by step; each step is a test here.
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { Steps } from './support/steps.ts';

function lacking(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  const programs = ['python3', 'unshare', 'nsenter', 'ip', 'postfix', 'smtp-source', 'swaks', 'msmtp', 'curl'];
  const missing = programs.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length > 0) return `no program ${missing.join(', ')}`;
  const link = 'ip link add name near type veth peer name far';
  return spawnSync('unshare', ['-n', 'sh', '-c', link]).status === 0 ? false : 'no network namespaces here';
}

const skip = lacking();
const steps = new Steps();

before(() => (skip === false ? steps.play('world.py', { PROCESSES: 'split' }) : undefined), { timeout: 300_000 });

const played = (name: string): void => steps.played(name);

const CLIENTS = ['swaks', 'smtplib', 'nodemailer', 'msmtp', 'curl'];

test('end to end: the relay starts with a certificate and ends orderly', { skip }, () => {
  played('start');
  played('stop');
});

for (const client of CLIENTS) {
  test(`end to end: ${client} over STARTTLS on 587 arrives behind Postfix byte for byte`, { skip }, () =>
    played(`${client}-starttls`),
  );
  test(`end to end: ${client} over TLS on 465 arrives behind Postfix byte for byte`, { skip }, () =>
    played(`${client}-tls`),
  );
}

const RULES: readonly (readonly [name: string, step: string])[] = [
  ['smtp-source from a trusted network needs no AUTH, and all arrives', 'smtp-source'],
  ['every message has exactly one terminal outcome in the journal', 'delivered-once'],
  ['a 451 is tried again and then delivered, once', 'shy.example'],
  ['a 550 settles as failed, once', 'bad.example'],
  ['what is deferred beyond its lifetime settles as expired, once', 'slow.example'],
  ['a null MX settles as failed', 'null.example'],
  ['a domain with an address and no MX gets its mail', 'plain.example'],
  ['a wrong password is 535', 'wrong-password'],
  ['without AUTH it is 530', 'no-auth'],
  ['without TLS no password is taken', 'auth-without-tls'],
];

for (const [name, step] of RULES) test(`end to end: ${name}`, { skip }, () => played(step));
