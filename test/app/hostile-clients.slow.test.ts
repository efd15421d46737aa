// One relay with TLS, logging all it has to say, and clients that mean ill: it lives on, gives back what they took, and
// nothing they said or hold secret is anywhere it must not be.
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { RENEWED_CERTIFICATE, RENEWED_KEY, TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { type Sink, startSink } from '../support/fake-net.ts';
import { begin, freePort, plainToken, Relay, type Running } from '../support/relay.ts';

const PASSWORD = 'canary-password';
const VANISHING = 150;

let relay: Relay;
let running: Running;
let sink: Sink;
const cleanUps: (() => void | Promise<void>)[] = [];
const ports = { starttls: 0, implicit: 0, second: 0 };

before(async () => {
  sink = await startSink({
    script: (verb, line) =>
      verb === 'RCPT' && line.includes('refused')
        ? '550 5.1.1 canary-reply \x1b[31m","level":"error","x":"\u2028 no such user'
        : undefined,
  });
  for (const name of ['starttls', 'implicit', 'second'] as const) ports[name] = await freePort();
  relay = new Relay(
    { after: (run) => void cleanUps.push(run) },
    {
      postilion: `hostname: relay.test
listeners:
  - address: 127.0.0.1:${ports.starttls}
  - address: 127.0.0.1:${ports.implicit}
    tls: implicit
  - address: 127.0.0.1:${ports.second}
    tls: implicit
tls: {cert: cert.pem, key: key.pem}
processes: single
log: {level: debug}
`,
      sending: `routes:
  - domains: '*'
    to: 127.0.0.1:${sink.port}
    tls: none
streams: {default: {retry_delays: [1s]}}
`,
    },
  );
  writeFileSync(join(relay.config, 'cert.pem'), TEST_CERTIFICATE);
  writeFileSync(join(relay.config, 'key.pem'), TEST_KEY, { mode: 0o600 });
  await relay.addUser('app', PASSWORD);
  running = await relay.start();
});

after(async () => {
  for (const run of cleanUps) await run();
  await sink.close();
});

async function loggedIn(): Promise<Awaited<ReturnType<Relay['greeted']>>> {
  const client = await relay.greeted(ports.starttls);
  match(await client.command(`AUTH PLAIN ${plainToken('app', PASSWORD)}`), /^235 /);
  return client;
}

/** Another client is served as ever, by the same process. */
async function works(): Promise<void> {
  const came = sink.messages.length;
  const client = await loggedIn();
  await begin(client);
  client.send('Subject: works\r\n\r\nHello\r\n.\r\n');
  match(await client.reply(), /^250 2\.6\.0 /);
  client.close();
  await sink.received(came + 1);
  equal((await relay.health()).processes[0]?.pid, running.pid);
}

/** Sends it, and resolves when the relay has closed. */
function raw(port: number, octets: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(octets, 'latin1')));
    socket.on('error', () => {}).on('close', () => resolve());
    socket.on('end', () => socket.end()).resume();
  });
}

function scan(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.resetAndDestroy());
    socket.on('error', () => {}).on('close', () => resolve());
  });
}

const HELLO_OF_TLS = `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\x5a'.repeat(508)}`;

test('hostile clients: TLS garbage, HTTP, a ClientHello in plain and a port scan end their connections only', async () => {
  const closed: Promise<void>[] = [];
  for (const octets of [
    'garbage\r\n\r\n',
    `\x16\x03\x01\xff\xff${'x'.repeat(300)}`,
    'GET / HTTP/1.1\r\n\r\n',
    '\0'.repeat(99),
  ]) {
    closed.push(raw(ports.implicit, octets));
    const client = relay.client(ports.starttls);
    await client.reply();
    match(await client.command('STARTTLS'), /^220 /);
    client.send(octets);
    client.socket.end();
    closed.push(client.rest().then(() => undefined));
  }
  closed.push(raw(ports.starttls, 'GET / HTTP/1.1\r\nHost: relay.test\r\n\r\n'));
  closed.push(raw(ports.starttls, `${HELLO_OF_TLS}\r\n`));
  for (let i = 0; i < 50; i++) closed.push(scan(ports.starttls), scan(ports.implicit));
  await Promise.all(closed);
  await works();
});

function shake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    socket.once('secureConnect', () => resolve(socket)).on('error', reject);
  });
}

test('hostile clients: TLS 1.1 and weak ciphers are refused, and a ticket is good at its own listener alone', async () => {
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  await rejects(shake(ports.implicit, old), /alert protocol version|unsupported protocol|ECONNRESET/);
  const weak = { maxVersion: 'TLSv1.2', ciphers: 'NULL:aNULL:RC4:3DES@SECLEVEL=0' } as const;
  await rejects(shake(ports.implicit, weak), /handshake failure|no ciphers|ECONNRESET/);
  const first = await shake(ports.implicit);
  const ticket = await new Promise<Buffer>((resolve) => first.resume().once('session', resolve));
  first.destroy();
  for (const [port, isReused] of [
    [ports.implicit, true],
    [ports.second, false],
  ] as const) {
    const again = await shake(port, { session: ticket });
    equal(again.isSessionReused(), isReused, String(port));
    again.destroy();
  }
});

test('hostile clients: a certificate renewed by SIGHUP is shown at once, and no session is dropped', async () => {
  const open = await relay.greeted(ports.implicit, { tls: true });
  const upgraded = await relay.greeted(ports.starttls);
  await upgraded.command('STARTTLS');
  await upgraded.startTls();
  const shown = async (): Promise<string> => {
    const socket = await shake(ports.implicit);
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  equal(await shown(), new X509Certificate(TEST_CERTIFICATE).fingerprint256);
  // Half renewed: the old one stays in force.
  writeFileSync(join(relay.config, 'cert.pem'), RENEWED_CERTIFICATE);
  running.signal('SIGHUP');
  await running.says('nothing was reloaded');
  equal(await shown(), new X509Certificate(TEST_CERTIFICATE).fingerprint256);
  writeFileSync(join(relay.config, 'key.pem'), RENEWED_KEY);
  running.signal('SIGHUP');
  await running.says('"configuration":2');
  equal(await shown(), new X509Certificate(RENEWED_CERTIFICATE).fingerprint256);
  match(await open.command('NOOP'), /^250 /);
  match(await upgraded.command('EHLO again.test'), /^250/);
});

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const descriptors = (): number => readdirSync(`/proc/${running.pid}/fd`).length;

test('hostile clients: 150 that vanish within DATA leave no message, no descriptor and no content', async () => {
  await works();
  const token = plainToken('app', PASSWORD);
  const came = sink.messages.length;
  const descriptorsBefore = descriptors();
  await Promise.all(
    Array.from({ length: VANISHING }, async (_unused, at) => {
      const client = await relay.greeted(ports.starttls);
      match(await client.command(`AUTH PLAIN ${token}`), /^235 /);
      await begin(client);
      // from nothing to more than may be in memory
      client.send(
        `Subject: gone\r\n\r\n${'x'
          .repeat(70)
          .concat('\r\n')
          .repeat(at * 200)}`,
      );
      await new Promise<void>((resolve) => client.socket.write('', () => resolve()));
      if (at % 2 === 0) client.socket.resetAndDestroy();
      else client.socket.end();
    }),
  );
  while (descriptors() > descriptorsBefore || readdirSync(join(relay.spool, 'large')).length > 0) await relay.health();
  await works();
  equal(sink.messages.length, came + 1);
  equal((await relay.queue()).messages, 0);
});

test('hostile clients: what they say makes one line of JSON each, and the reply of a remote too', async () => {
  for (const line of [
    'EHLO \x1b[31m","level":"error"',
    'EHLO a\r\x1b[2Jb',
    'HELO {"level":"error"}',
    'MAIL FROM:<"\x07">',
  ]) {
    const client = relay.client(ports.starttls);
    await client.reply();
    // A word that is printable is taken, and not repeated.
    match(await client.command(line), line.startsWith('HELO') ? /^250 relay\.test$/ : /^5\d\d /);
  }
  const wrong = await relay.greeted(ports.starttls);
  const name = 'x","level":"error","y":"\x1b[31m\n{"level":"error"}';
  match(await wrong.command(`AUTH PLAIN ${plainToken(name, 'canary-guess')}`), /^5\d\d /);
  const client = await loggedIn();
  await begin(client, 'refused@example.net');
  client.send('Subject: \x1b[31m","level":"error"\r\nX: \xe2\x80\xa8{"level":"error"}\r\n\r\ncanary-body\r\n.\r\n');
  const id = (await client.reply()).split(' ')[2] ?? '';
  const shown = async (): Promise<string> => (await relay.command('message', 'show', id)).out;
  while (!(await shown()).includes('canary-reply')) await relay.health();
  equal(/[^\n\t\x20-\x7e\u00a1-\u2027]/.test(await shown()), false, 'control characters reach a terminal');
});

test('hostile clients: no password, AUTH line, key or content is in the log, the API, the process or any reply', async () => {
  const client = await relay.greeted(ports.starttls);
  match(await client.command('AUTH LOGIN'), /^334 /);
  match(await client.command(Buffer.from('app').toString('base64')), /^334 /);
  match(await client.command(Buffer.from('canary-guess').toString('base64')), /^535 /);
  const token = plainToken('app', PASSWORD);
  match(await client.command(`AUTH PLAIN ${token}`), /^235 /);
  await begin(client);
  client.send(`Subject: canary-subject\r\n\r\ncanary-body\r\n${'.'.repeat(3)}\r\n.\r\n`);
  const id = (await client.reply()).split(' ')[2] ?? '';
  const said = [
    running.lines.join('\n'),
    readFileSync(`/proc/${running.pid}/cmdline`, 'latin1'),
    JSON.stringify(await relay.queue()),
    (await relay.command('message', 'show', '--json', id)).out,
    (await relay.command('user', 'list', '--json')).out,
  ].join('\n');
  const secrets = [PASSWORD, 'canary-guess', 'canary-body', 'canary-subject', token, plainToken('app', 'canary-guess')];
  secrets.push(Buffer.from(PASSWORD).toString('base64'), Buffer.from('canary-guess').toString('base64'), '$argon2');
  for (const pem of [TEST_KEY, RENEWED_KEY]) secrets.push(...pem.split('\n').filter((line) => line.length > 40));
  deepEqual(
    secrets.filter((secret) => said.includes(secret)),
    [],
  );
  const modes = ['users.yaml', 'segments', 'journal'].map((name) => `${name} ${modeOf(join(relay.spool, name))}`);
  deepEqual(modes, ['users.yaml 600', 'segments 700', 'journal 700']);
});

test('hostile clients: after all of it every line of the log is one of ours, none is an error but the reload, and it stops in order', async () => {
  running.signal('SIGTERM');
  const { code, lines } = await running.ended;
  equal(code, 0);
  const errors: string[] = [];
  for (const line of lines) {
    const { level, message } = JSON.parse(line) as { level: string; message: string };
    match(level, /^(?:debug|info|warn|error)$/);
    if (level === 'error') errors.push(message);
    equal(/[\x00-\x1f\x7f]/.test(line), false);
  }
  deepEqual(errors, ['nothing was reloaded']);
});
