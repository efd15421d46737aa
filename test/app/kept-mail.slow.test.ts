// Mail that waits over stops, kills and damage: what leaves is what came, octet for octet, and what was damaged holds up
// nobody else.
import { deepEqual, equal, match } from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Sink, startSink } from '../support/fake-net.ts';
import { freePort, Relay, simpleFiles } from '../support/relay.ts';

/** As a client sends it, and the body that must arrive. */
const BODIES: readonly (readonly [name: string, stuffed: string, body: string])[] = [
  ['nothing', '', ''],
  ['a dot', '..\r\n', '.\r\n'],
  ['two dots', '...\r\n', '..\r\n'],
  ['a dot and text', '.. x\r\n', '. x\r\n'],
  ['dots in a row', '..\r\n..\r\n....\r\n', '.\r\n.\r\n...\r\n'],
  ['8-bit octets', '\xe4\xff\x80\x01\r\n', '\xe4\xff\x80\x01\r\n'],
  ['empty lines at the end', 'x\r\n\r\n\r\n', 'x\r\n\r\n\r\n'],
  ['a long line', `${'x'.repeat(5000)}\r\n`, `${'x'.repeat(5000)}\r\n`],
  ['a look-alike of a record', 'PR\x01\x01POSTSPL\r\n', 'PR\x01\x01POSTSPL\r\n'],
];

const contentOf = (name: string, body: string): string =>
  `From: a@example.com\r\nDate: Tue, 6 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nSubject: ${name}\r\n\r\n${body}`;

/** Bodies that came, by subject; the last one of each. */
function arrived(sink: Sink): Map<string, string> {
  const bodies = new Map<string, string>();
  for (const { content } of sink.messages) {
    const text = content.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    bodies.set(/^Subject: (.*)\r$/m.exec(text)?.[1] ?? '', text.slice(end + 4));
  }
  return bodies;
}

test('kept mail: every body leaves as it came, after a refusal, a kill and two starts', async (t) => {
  let answer = '451 4.3.0 later';
  let refused = 0;
  const sink = await startSink({
    script: (verb) => {
      if (verb !== 'DOT' || answer === '') return undefined;
      refused++;
      return answer;
    },
  });
  t.after(() => sink.close());
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, sink.port));
  let running = await relay.start();
  for (const [name, stuffed] of BODIES) await relay.submit(port, contentOf(name, stuffed));
  while (refused < BODIES.length) await relay.queue();
  running.signal('SIGKILL');
  await running.ended;
  running = await relay.start();
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
  equal((await relay.dump()).length, BODIES.length);
  answer = '';
  const before = sink.messages.length;
  running = await relay.start();
  await sink.received(before + BODIES.length);
  const came = arrived(sink);
  for (const [name, , body] of BODIES) equal(came.get(name), body, name);
  while ((await relay.queue()).messages > 0) await relay.health();
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
  deepEqual(await relay.dump(), []);
});

/** Messages of which an alarm says that their record is damaged, once there are so many. */
async function damagedIds(relay: Relay, count: number): Promise<readonly string[]> {
  for (;;) {
    const { alarms, messages } = await relay.queue();
    const found = alarms.flatMap(({ text }) => /the record of message (\w{26}) is damaged/.exec(text)?.[1] ?? []);
    if (found.length >= count && messages === count) return found;
  }
}

/** The file of `folder` that holds the text, and where. */
function findIn(folder: string, text: string): { readonly path: string; readonly at: number } {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const at = readFileSync(path).indexOf(text);
    if (at !== -1) return { path, at };
  }
  throw new Error(`no file of ${folder} holds ${text}`);
}

test('kept mail: flipped bits, a cut segment and a lost file cost their own messages, are told, and block nobody', async (t) => {
  const sink = await startSink();
  t.after(() => sink.close());
  const port = await freePort();
  const waiting = simpleFiles(port, await freePort());
  const relay = new Relay(t, waiting);
  const ids = new Map<string, string>();
  // Three lives, so three segments, the last one with content in a file of its own.
  for (const life of [1, 2, 3]) {
    const running = await relay.start();
    const mail = [1, 2, 3].map((nth) => ({ name: `life ${life}, ${nth}`, body: `body-${life}-${nth}\r\n` }));
    if (life === 3) mail.push({ name: 'large', body: 'large-body\r\n'.repeat(200_000) });
    for (const { name, body } of mail) ids.set(name, await relay.submit(port, contentOf(name, body)));
    running.signal('SIGTERM');
    equal((await running.ended).code, 0);
  }
  equal((await relay.dump()).length, 10);
  const segments = join(relay.spool, 'segments');
  const flipped = findIn(segments, 'body-1-2');
  const octets = readFileSync(flipped.path);
  octets.writeUInt8(octets.readUInt8(flipped.at + 5) ^ 0x10, flipped.at + 5);
  writeFileSync(flipped.path, octets);
  const cut = findIn(segments, 'body-2-3');
  truncateSync(cut.path, cut.at + 4);
  const [large = ''] = readdirSync(join(relay.spool, 'large'));
  truncateSync(join(relay.spool, 'large', large), Math.floor(statSync(join(relay.spool, 'large', large)).size / 2));
  const verified = await relay.command('spool', 'verify');
  equal(verified.code, 1);
  for (const path of [flipped.path, cut.path]) {
    match(verified.out + verified.lines.join('\n'), new RegExp(path.slice(segments.length + 1)));
  }
  writeFileSync(join(relay.config, 'sending.yaml'), simpleFiles(port, sink.port).sending ?? '');
  const running = await relay.start();
  await sink.received(7);
  // The damaged ones wait, in case a copy of the file is put back, and each is told once.
  const damaged = await damagedIds(relay, 3);
  const came = arrived(sink);
  const whole = ['life 1, 1', 'life 1, 3', 'life 2, 1', 'life 2, 2', 'life 3, 1', 'life 3, 2', 'life 3, 3'];
  deepEqual([...came.keys()].toSorted(), whole);
  for (const [name, body] of came) equal(body, `body-${name.slice(5).replace(', ', '-')}\r\n`);
  const expected = [ids.get('life 1, 2'), ids.get('life 2, 3'), ids.get('large')].toSorted();
  deepEqual(damaged.toSorted(), expected);
  await relay.submit(port, contentOf('afterwards', 'as ever\r\n'));
  await sink.received(8);
  for (const id of damaged) equal((await relay.command('message', 'cancel', id)).code, 0);
  equal((await relay.queue()).messages, 0);
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
});
