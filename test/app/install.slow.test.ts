// systemd/install in a root of its own: what it makes, that it can be run again, and that it takes away what it made
// and nothing else. What it installs is run.
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { freePort, Relay, simpleFiles } from '../support/relay.ts';
import { PROJECT_ROOT } from '../support/tree.ts';

const SCRIPT = join(PROJECT_ROOT, 'systemd/install');
const skip = process.getuid?.() === 0 ? false : 'only root may install';
const NOBODY_PORT = 9;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly note: string;
}

function place(t: TestContext): { readonly root: string; readonly install: (...args: string[]) => Ran } {
  const root = mkdtempSync(join(tmpdir(), 'postilion-install-'));
  // as / is: the user of the service must come through
  chmodSync(root, 0o755);
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const install = (...args: string[]): Ran => {
    const ran = spawnSync(SCRIPT, ['--root', root, ...args], { encoding: 'utf8' });
    return { code: ran.status, out: ran.stdout, note: ran.stderr };
  };
  return { root, install };
}

const streams = (root: string): readonly string[] =>
  readFileSync(join(root, 'etc/systemd/system/postilion.socket'), 'utf8').match(/(?<=^ListenStream=).*$/gm) ?? [];

test('install: program, user, folders, units, a first user and domain, and what to do elsewhere', { skip }, (t) => {
  const { root, install } = place(t);
  const [cert, key] = [join(root, 'cert.pem'), join(root, 'key.pem')];
  writeFileSync(cert, TEST_CERTIFICATE);
  writeFileSync(key, TEST_KEY);
  const words = ['--hostname', 'relay.example.com', '--source', '192.0.2.25', '--source', '192.0.2.26'];
  const first = install(...words, '--cert', cert, '--key', key, '--user', 'app1', '--domain', 'example.com');
  equal(first.code, 0, first.note);
  match(first.out, /^account +app1 {2}password: \S{20,}/m);
  match(first.out, /192\.0\.2\.26 {2}<-> {2}out2\.relay\.example\.com/);
  match(first.out, /_domainkey\.example\.com\..*v=DKIM1/);
  match(first.out, /v=spf1 .*ip4:192\.0\.2\.25 ip4:192\.0\.2\.26/);
  match(first.out, /in +tcp 587 /);
  match(first.out, /in +tcp 465 /);
  match(first.out, /out +tcp 25 /);
  deepEqual(streams(root), ['127.0.0.1:2525', '587', '465']);
  equal(statSync(join(root, 'var/lib/postilion')).mode & 0o777, 0o700);
  equal(statSync(join(root, 'etc/postilion')).mode & 0o777, 0o750);
  equal(statSync(join(root, 'etc/postilion/privkey.pem')).mode & 0o777, 0o640);
  ok(existsSync(join(root, 'etc/systemd/system/sockets.target.wants/postilion.socket')));

  // Again: what was made stands, and what an operator wrote too.
  appendFileSync(join(root, 'etc/postilion/sending.yaml'), 'caps: {connections: 7}\n');
  const relay = join(root, 'etc/postilion/postilion.yaml');
  writeFileSync(relay, `${readFileSync(relay, 'utf8')}listeners: [{address: '*:2587'}]\n`);
  const kept = readFileSync(join(root, 'var/lib/postilion/users.yaml'), 'utf8');
  const again = install(...words, '--user', 'app1', '--domain', 'example.com');
  equal(again.code, 0, again.note);
  match(again.out, /^account +app1 is there already$/m);
  doesNotMatch(again.out, /password/);
  equal(readFileSync(join(root, 'var/lib/postilion/users.yaml'), 'utf8'), kept);
  match(readFileSync(join(root, 'etc/postilion/sending.yaml'), 'utf8'), /connections: 7/);
  deepEqual(streams(root), ['2587']);

  const gone = install('uninstall');
  equal(gone.code, 0, gone.note);
  match(gone.out, /mail that waits included: rm -r/);
  deepEqual(readdirSync(join(root, 'etc/systemd/system')), ['multi-user.target.wants', 'sockets.target.wants']);
  deepEqual(readdirSync(join(root, 'etc/systemd/system/sockets.target.wants')), []);
  deepEqual(readdirSync(join(root, 'opt')), []);
  equal(readFileSync(join(root, 'var/lib/postilion/users.yaml'), 'utf8'), kept);
  ok(existsSync(relay));
  equal(install('uninstall').code, 0, 'twice');
});

test('install: a configuration that is wrong stops it, and units stay as they were', { skip }, (t) => {
  const { root, install } = place(t);
  equal(install('--hostname', 'relay.example.com').code, 0);
  const relay = join(root, 'etc/postilion/postilion.yaml');
  writeFileSync(relay, `${readFileSync(relay, 'utf8')}listeners: [{address: '*:2587'}]\nhostnam: x\n`);
  const { code, note } = install();
  equal(code, 78);
  match(note, /postilion\.yaml:\d+:1: .*hostnam.*hostname/);
  deepEqual(streams(root), ['127.0.0.1:2525']);
});

test('install: the program that it puts in place runs without the checkout, its tests and its tools', {
  skip,
}, async (t) => {
  const { root, install } = place(t);
  equal(install('--hostname', 'relay.example.com').code, 0);
  const program = join(root, 'opt/postilion');
  deepEqual(readdirSync(join(program, 'dist')), ['src']);
  ok(!existsSync(join(program, 'node_modules/typescript')));
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, NOBODY_PORT), join(program, 'dist/src/app/main.js'));
  await relay.start();
  await relay.submit(port, 'Subject: taken\r\n\r\nHello\r\n');
  equal((await relay.queue()).messages, 1);
});

test('install: says what is wrong with how it was called', { skip }, (t) => {
  const { install } = place(t);
  equal(install('--sources', '1').code, 64);
  equal(install('--user').code, 64);
  equal(install('--cert', '/nowhere').code, 64);
  const { code, note } = install('--node', '/bin/false');
  equal(code, 1);
  match(note, /Node 20\.19 or newer/);
  match(spawnSync(SCRIPT, ['--help'], { encoding: 'utf8' }).stdout, /^usage: /);
});
