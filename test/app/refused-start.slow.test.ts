// What an operator can get wrong before a start: one line that says what to do, its exit code, nothing changed on disk.
import { deepEqual, equal, match } from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { decodeFileHead, encodeFileHead, FIRST_BLOCK } from '../../src/spool/file-head.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { freePort, Relay, simpleFiles } from '../support/relay.ts';

const CONTENT = 'Subject: kept\r\n\r\nHello\r\n';

/** Root may read everything; without these capabilities it is held to the mode of a file, as anybody is. */
const AS_ANYBODY = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--'] : [];

/** `serve` is refused with this code and one line, and everything lies as it lay. */
async function refused(relay: Relay, code: number, says: RegExp, before: readonly string[] = []): Promise<void> {
  const tree = relay.tree();
  const { code: ended, lines } = await relay.run(['serve'], '', before).ended;
  equal(lines.length, 1, lines.join('\n'));
  match(lines[0] ?? '', says);
  equal(ended, code);
  deepEqual(relay.tree(), tree);
}

/** A relay that ran, took one message and was stopped. */
async function used(relay: Relay, port: number): Promise<void> {
  const running = await relay.start();
  await relay.submit(port, CONTENT);
  running.signal('SIGTERM');
  equal((await running.ended).code, EXIT.ok);
}

test('refused start: a bad configuration is 78, on a new folder and on a used one', async (t) => {
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, await freePort()));
  const file = join(relay.config, 'postilion.yaml');
  const good = readFileSync(file, 'utf8');
  writeFileSync(file, `${good}listners: []\n`);
  await refused(relay, EXIT.configuration, /postilion\.yaml:\d+:1: .*listners.*listeners/);
  writeFileSync(file, good);
  await used(relay, port);
  writeFileSync(file, `${good}stop: 30\n`);
  await refused(relay, EXIT.configuration, /postilion\.yaml:\d+:\d+: stop/);
});

test('refused start: a port in use is 71, on a new folder and on a used one', async (t) => {
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, await freePort()));
  const occupy = async (): Promise<() => Promise<void>> => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return () => new Promise((resolve) => server.close(() => resolve()));
  };
  const says = new RegExp(`127\\.0\\.0\\.1:${port} is in use by another process; find it with: ss `);
  const leave = await occupy();
  await refused(relay, EXIT.portInUse, says);
  await leave();
  await used(relay, port);
  const leaveAgain = await occupy();
  await refused(relay, EXIT.portInUse, says);
  await leaveAgain();
});

test('refused start: a spool of a newer format is 78, in one process and in several', async (t) => {
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, await freePort()));
  await used(relay, port);
  const split = new Relay(t, simpleFiles(port, await freePort(), `processes: split\nspool: ${relay.spool}\n`));
  for (const folder of ['segments', 'journal'] as const) {
    const [name = ''] = readdirSync(join(relay.spool, folder));
    const path = join(relay.spool, folder, name);
    const octets = readFileSync(path);
    const head = decodeFileHead(octets.subarray(0, FIRST_BLOCK));
    if (head === undefined) throw new Error(`${path} has no head`);
    writeFileSync(path, Buffer.concat([encodeFileHead(head, 2), octets.subarray(FIRST_BLOCK)]));
    const says = new RegExp(`${folder}/.* is of format 2; this program reads up to 1.*newer release`);
    await refused(relay, EXIT.configuration, says);
    if (folder === 'journal') {
      const tree = relay.tree();
      for (const words of [['serve'], ['spool', 'dump'], ['spool', 'rebuild']]) {
        const { code, lines } = await split.command(...words);
        equal(code, EXIT.configuration, words.join(' '));
        match(lines.at(-1) ?? '', says);
      }
      deepEqual(relay.tree(), tree);
    }
    writeFileSync(path, octets);
  }
  const running = await relay.start();
  equal((await relay.queue()).messages, 1, 'what was refused to the older program is all there');
  running.signal('SIGTERM');
  equal((await running.ended).code, EXIT.ok);
});

test('refused start: without any address to send from it is 75; with one it begins, and the others are missing', async (t) => {
  const port = await freePort();
  const files = simpleFiles(port, await freePort());
  const relay = new Relay(t, files);
  const sources = 'sources: {here: {address: 127.0.0.1}, gone: {address: 192.0.2.25}}\n';
  const file = join(relay.config, 'sending.yaml');
  writeFileSync(file, `${files.sending}${sources}pools: {default: {sources: [gone]}}\n`);
  await refused(relay, EXIT.tryAgain, /none of the addresses .* is on this host: gone \(192\.0\.2\.25\)/);
  writeFileSync(file, `${files.sending}${sources}pools: {default: {sources: [here, gone]}}\n`);
  const running = await relay.start();
  const { out } = await relay.command('source', 'list');
  match(out, /^gone +missing +192\.0\.2\.25/m);
  match(out, /^here +enabled +127\.0\.0\.1/m);
  deepEqual(
    (await relay.queue()).alarms.map(({ alarm }) => alarm),
    ['source-missing'],
  );
  running.signal('SIGTERM');
  equal((await running.ended).code, EXIT.ok);
});

test('refused start: a key that is missing, broken or may not be read is 78 and named', async (t) => {
  const relay = new Relay(t, {
    postilion: `hostname: relay.test\nlisteners:\n  - address: 127.0.0.1:${await freePort()}\ntls:\n  cert: cert.pem\n  key: key.pem\nprocesses: single\n`,
  });
  const key = join(relay.config, 'key.pem');
  writeFileSync(join(relay.config, 'cert.pem'), TEST_CERTIFICATE);
  await refused(relay, EXIT.configuration, /tls\.key: 'key\.pem' .*it is not there/);
  writeFileSync(key, 'nothing of the kind\n');
  await refused(relay, EXIT.configuration, /tls\.key: 'key\.pem' holds no private key/);
  writeFileSync(key, TEST_KEY, { mode: 0o600 });
  chmodSync(key, 0);
  await refused(relay, EXIT.configuration, /tls\.key: 'key\.pem' .*permission denied/, AS_ANYBODY);
});

test('refused start: a spool that may not be used, or a part of it, is 77 and says whose it must be', async (t) => {
  const relay = new Relay(t, simpleFiles(await freePort(), await freePort()));
  mkdirSync(join(relay.spool, 'segments'), { recursive: true, mode: 0o700 });
  writeFileSync(join(relay.spool, 'segments', 's-00000000000000000000-single.seg'), '', { mode: 0 });
  mkdirSync(join(relay.spool, 'journal'), { mode: 0o700 });
  const says = /the spool .* cannot be used \(EACCES, .*\): it and all in it must belong to the user the relay runs as/;
  await refused(relay, EXIT.permission, says, AS_ANYBODY);
  chmodSync(join(relay.spool, 'journal'), 0o500);
  rmSync(join(relay.spool, 'segments'), { recursive: true });
  await refused(relay, EXIT.permission, says, AS_ANYBODY);
  chmodSync(relay.spool, 0);
  const { code, lines } = await relay.run(['serve'], '', AS_ANYBODY).ended;
  chmodSync(relay.spool, 0o700);
  deepEqual([code, lines.length], [EXIT.permission, 1], lines.join('\n'));
  match(lines[0] ?? '', says);
  deepEqual(readdirSync(relay.spool), ['journal']);
});

test('refused start: a second relay or command on the same spool is 78 and harms neither', async (t) => {
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, await freePort()));
  const running = await relay.start();
  await relay.submit(port, CONTENT);
  // the same spool by another configuration, with ports of its own
  const files = simpleFiles(await freePort(), await freePort(), `processes: single\nspool: ${relay.spool}\n`);
  const other = new Relay(t, files);
  const says = new RegExp(`is in use by process ${running.pid}: stop that relay or command first`);
  await refused(other, EXIT.configuration, says);
  for (const words of [['verify'], ['rebuild']]) {
    const { code, lines } = await other.command('spool', ...words);
    equal(code, EXIT.configuration, words.join(' '));
    match(lines.join('\n'), says);
  }
  equal((await relay.queue()).messages, 1);
  running.signal('SIGTERM');
  equal((await running.ended).code, EXIT.ok);
});
