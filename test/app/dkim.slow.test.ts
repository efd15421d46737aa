// DKIM from `postilion domain add` to what a receiving server gets, judged by others with the records that were printed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { awkwardMail, plainHeader } from '../support/awkward-mail.ts';
import { JUDGES } from '../support/dkim-judges.ts';
import { type Sink, type SinkOptions, startSink } from '../support/fake-net.ts';
import { LineClient } from '../support/line-client.ts';

const SCRIPT = fileURLToPath(new URL('../../src/app/main.js', import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface World {
  readonly root: string;
  readonly sink: Sink;
  readonly port: number;
  sending(yaml: string): void;
  /** What it printed; fails when the command did. */
  command(...words: string[]): string;
  start(): Promise<void>;
  stop(): Promise<void>;
  send(content: string | Buffer): Promise<void>;
  /** TXT records of a domain by name, as they were printed. */
  records(domain: string): Record<string, string>;
}

async function world(t: TestContext, options: SinkOptions = {}): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), 'postilion-dkim-'));
  const sink = await startSink(options);
  const port = await freePort();
  const config = join(root, 'config');
  mkdirSync(config);
  const relay = `hostname: relay.example.org\nlisteners: [{address: "127.0.0.1:${port}", tls: none}]\nprocesses: single\ntrusted_networks: [{network: 127.0.0.0/8, user: app}]\n`;
  writeFileSync(join(config, 'postilion.yaml'), relay);
  const sending = (yaml: string): void =>
    writeFileSync(
      join(config, 'sending.yaml'),
      `routes: [{domains: '*', to: "127.0.0.1:${sink.port}", tls: none}]\nstreams: {default: {retry_delays: [1s]}}\nusers: {app: {}}\n${yaml}`,
    );
  sending('');
  let child: ChildProcess | undefined;
  const command = (...words: string[]): string => {
    const done = spawnSync(process.execPath, [SCRIPT, '--config', config, ...words], { encoding: 'utf8' });
    assert.equal(done.status, 0, `${words.join(' ')}: ${done.stderr}`);
    return done.stdout;
  };
  const stop = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.on('exit', resolve));
    running.kill('SIGTERM');
    await ended;
  };
  t.after(async () => {
    child?.kill('SIGKILL');
    await sink.close();
    rmSync(root, { recursive: true });
  });
  return {
    root,
    sink,
    port,
    sending,
    command,
    stop,
    async start() {
      const started = spawn(process.execPath, [SCRIPT, '--config', config, 'serve'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      child = started;
      let text = '';
      await new Promise<void>((resolve, reject) => {
        started.on('exit', (code) => reject(new Error(`the relay ended with ${code}: ${text}`)));
        started.stderr.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes('the relay is running')) resolve();
        });
      });
    },
    async send(content) {
      const client = LineClient.open(port);
      try {
        await client.reply();
        await client.command('EHLO client.test');
        await client.command('MAIL FROM:<a@example.org> BODY=8BITMIME');
        await client.command('RCPT TO:<b@example.net>');
        await client.command('DATA');
        const octets = Buffer.from(content)
          .toString('latin1')
          .replace(/(^|\r\n)\./g, '$1..');
        client.send(octets.endsWith('\r\n') ? octets : `${octets}\r\n`);
        assert.match(await client.command('.'), /^250 /);
      } finally {
        client.close();
      }
    },
    records(domain) {
      const shown = JSON.parse(command('domain', 'show', domain, '--json')) as {
        records: { name: string; type: string; value: string }[];
      };
      return Object.fromEntries(shown.records.map(({ name, value }) => [`${name}.`, value]));
    },
  };
}

const HEADER = plainHeader('a@mail.example.org');
const CASES = awkwardMail('a@mail.example.org');

test('DKIM end to end: dkimpy and OpenDKIM accept all four signatures on every awkward message, and no changed one', async (t) => {
  for (const judge of JUDGES) if (judge.away !== false) t.diagnostic(`not judged by ${judge.name}: ${judge.away}`);
  const judges = JUDGES.filter(({ away }) => away === false);
  if (judges.length === 0) return t.skip('neither python3-dkim nor opendkim-tools is installed');
  const at = await world(t);
  at.command('domain', 'add', 'example.org', '--ed25519', '--selector', 's');
  at.command('domain', 'add', 'op.example', '--ed25519', '--operator');
  const keys = { ...at.records('example.org'), ...at.records('op.example') };
  await at.start();
  for (const form of ['relaxed/relaxed', 'relaxed/simple']) {
    at.sending(`dkim: { canonicalization: ${form}, validity: 14d }`);
    at.command('reload');
    const before = at.sink.messages.length;
    for (const content of Object.values(CASES)) {
      const count = at.sink.messages.length + 1;
      await at.send(content);
      await at.sink.received(count);
    }
    const got = at.sink.messages.slice(before).map(({ content }) => content);
    for (const content of got) assert.ok(content.toString('latin1').includes(`/${form.split('/')[1]};`));
    const changed = [
      'Subject: x\r\n',
      'From: evil <e@example.net>\r\n',
      'Content-Type: text/html\r\n',
      'To: c@example.net\r\n',
    ].map((field) => Buffer.concat([Buffer.from(field), got[0] as Buffer]));
    for (const { name, verdicts } of judges) {
      verdicts(got, keys).forEach((all, index) => {
        assert.deepEqual(all, [true, true, true, true], `${name}, ${form}: ${Object.keys(CASES)[index]}`);
      });
      for (const all of verdicts(changed, keys))
        assert.deepEqual(all, [false, false, false, false], `${name}, ${form}`);
    }
  }
  await at.stop();
});

test('DKIM end to end: a copy sent after a refusal, a restart and a key rotation has the same octets', async (t) => {
  let isRefusing = true;
  const at = await world(t, { script: (verb) => (verb === 'DOT' && isRefusing ? '451 4.3.0 later' : undefined) });
  at.command('domain', 'add', 'example.org', '--ed25519', '--selector', 'old');
  await at.start();
  await at.send(`${HEADER}\r\nhello  there \r\n`);
  while (at.sink.refused.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  at.command('domain', 'rotate', 'example.org', '--selector', 'new', '--now');
  await at.stop();
  const [first, second] = at.sink.refused;
  assert.deepEqual(second?.content, first?.content);
  at.sending('dkim: { canonicalization: relaxed/simple, validity: 30d }');
  isRefusing = false;
  await at.start();
  await at.sink.received(1);
  assert.deepEqual(at.sink.messages[0]?.content, first?.content);
  assert.match(first?.content.toString() ?? '', /s=old;[^]*s=old-ed;/);
  await at.send(`${HEADER}\r\nnew\r\n`);
  await at.sink.received(2);
  assert.match(at.sink.messages[1]?.content.toString() ?? '', /c=relaxed\/simple;[^]*s=new;[^]*x=[^]*s=new-ed;/);
  await at.stop();
});

test('DKIM end to end: without its key mail waits, and goes when the key is back', async (t) => {
  const at = await world(t);
  at.command('domain', 'add', 'op.example', '--operator', '--selector', 'op');
  await at.start();
  at.command('queue', 'pause');
  await at.send(`${HEADER}\r\nsigned by the operator alone\r\n`);
  cpSync(join(at.root, 'spool/keys'), join(at.root, 'kept'), { recursive: true });
  at.command('domain', 'remove', 'op.example', '--now');
  at.command('queue', 'resume');
  await at.send('From: x@other.example\r\n\r\nsigned by nobody\r\n');
  await at.sink.received(1);
  assert.match(at.sink.messages[0]?.content.toString() ?? '', /signed by nobody/);
  assert.doesNotMatch(at.sink.messages[0]?.content.toString() ?? '', /DKIM/i);
  const queue = at.command('queue');
  assert.match(queue, /op\._domainkey\.op\.example/, queue);
  assert.equal(at.sink.messages.length, 1);
  cpSync(join(at.root, 'kept'), join(at.root, 'spool/keys'), { recursive: true });
  at.command('reload');
  at.command('queue', 'retry');
  await at.sink.received(2);
  assert.match(at.sink.messages[1]?.content.toString() ?? '', /d=op\.example; s=op;[^]*signed by the operator alone/);
  await at.stop();
});
