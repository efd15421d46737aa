// smtp-source and swaks → the relay → the mail servers that it meets out there: Postfix, Exim, OpenSMTPD, Haraka, each in
// a folder of its own with a configuration of its own. Every message arrives once, and is stored octet by octet as sent.
import { deepEqual, equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lacking, PATIENCE_MS, receiver, RECEIVERS, until } from './support/mail-server.ts';
import { freePort, Relay } from './support/relay.ts';

const BULK = 20;

/** What breaks on the way when something is careless: dots, blanks, long lines, octets over 127, lines that look like others. */
const CONTENT = [
  'Date: Tue, 24 Nov 2026 06:00:00 +0000',
  'From: =?utf-8?q?J=C3=B6?= <a@example.com>',
  'To: x@receiver.test',
  'Message-ID: <careful@example.com>',
  'Subject: a folded',
  '\tsubject  with  blanks',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  '.',
  '..',
  '.a line',
  'From the start of a line',
  'blanks at the end  \t',
  'ö€ 𝄞',
  'x'.repeat(998),
  '',
  'QUIT',
  '',
  'the end',
].join('\n');

function submit(command: string, ...words: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', timeout: PATIENCE_MS });
  equal(status, 0, `${command}: ${stdout.slice(-1000)} ${stderr}`);
}

/** Header of who received it is before ours, ours is before what was sent. */
function withoutTrace(stored: string): string {
  const ours = stored.search(/^Received: [^\n]*\n(?:[ \t][^\n]*\n)*?[ \t]*by relay\.test/m);
  const from = stored.slice(ours);
  return from.slice(from.search(/\n[^ \t]/) + 1);
}

for (const [name, program] of Object.entries(RECEIVERS) as [keyof typeof RECEIVERS, string][]) {
  test(`real programs: what smtp-source and swaks send arrives in ${name} once, octet by octet`, {
    skip: lacking(program),
  }, async (t) => {
    const { port, stored } = await receiver(t, name);
    const input = await freePort();
    const relay = new Relay(t, {
      postilion: `hostname: relay.test\nlisteners: [{ address: "127.0.0.1:${input}", tls: none }]\ntrusted_networks: [{ network: 127.0.0.0/8, user: app }]\nprocesses: split\n`,
      sending: `routes: [{ name: ${name}, domains: ${name}.test, to: "127.0.0.1:${port}", tls: none }]\nstreams: { default: { retry_delays: [1s] } }\nusers: { app: {} }\n`,
    });
    const running = await relay.start();
    const file = join(relay.root, 'content');
    writeFileSync(file, CONTENT);
    const server = `127.0.0.1:${input}`;
    submit(
      'smtp-source',
      '-s',
      '4',
      '-m',
      `${BULK}`,
      '-l',
      '2000',
      '-f',
      'a@example.com',
      '-t',
      `x@${name}.test`,
      server,
    );
    submit('swaks', '--server', server, '--from', 'a@example.com', '--to', `y@${name}.test`, '--data', `@${file}`);
    await until('everything is delivered', async () => {
      const { deliveries, counters } = await relay.queue();
      return deliveries === 0 && counters['delivered'] === BULK + 1;
    });
    await until('everything is stored', () => stored().length >= BULK + 1);
    running.signal('SIGTERM');
    equal((await running.ended).code, 0);
    // Haraka keeps the line ends of the wire, a maildir those of the system.
    const texts = stored().map((content) => content.toString().replaceAll('\r\n', '\n'));
    const ids = texts.map((text) => /^Message-Id: (.*)$/im.exec(text)?.[1]);
    deepEqual([texts.length, new Set(ids).size], [BULK + 1, BULK + 1]);
    const careful = texts.find((text) => text.includes('<careful@example.com>')) ?? '';
    equal(withoutTrace(careful), `${CONTENT}\n`);
  });
}
