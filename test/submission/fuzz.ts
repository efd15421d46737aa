// Sessions made of pieces of valid dialogue, in any order and any segmentation: whatever is said, the relay stays up,
// answers in whole reply lines, keeps only what got a 250, and gives back what it took.
import { equal, match } from 'node:assert/strict';
import fc from 'fast-check';
import { type ListenerName, plainToken, Rig } from './rig.ts';

const PIECES = [
  'EHLO x\r\n',
  'HELO y\r\n',
  'MAIL FROM:<a@example.com>\r\n',
  'MAIL FROM:<> SIZE=10\r\n',
  'RCPT TO:<b@example.net>\r\n',
  'RCPT TO:<c@example.net> NOTIFY=NEVER\r\n',
  'DATA\r\n',
  'RSET\r\n',
  'NOOP\r\n',
  'QUIT\r\n',
  'VRFY x\r\n',
  'STARTTLS\r\n',
  `AUTH PLAIN ${plainToken('app', 'secret-app')}\r\n`,
  `AUTH PLAIN ${plainToken('app', 'wrong')}\r\n`,
  'AUTH PLAIN\r\n',
  'AUTH LOGIN\r\n',
  'YXBw\r\n',
  'c2VjcmV0LWFwcA==\r\n',
  '*\r\n',
  'From: a@example.com\r\n',
  'From: a@example.com\r\n\r\n',
  '\r\n',
  'text\r\n',
  '.\r\n',
  '..\r\n',
  '\r\n.\r\n',
  'X-Idempotency-Key: k\r\n',
  'X-Postilion-Stream: bulk\r\n',
  '.',
  '\r',
  '\n',
  '\0',
  ' ',
  'x'.repeat(3000),
  `${'y'.repeat(998)}\r\n`,
  '\xff\xfe',
  'BDAT 3 LAST\r\n',
  '<',
  'GET / HTTP/1.1\r\n',
  'MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nA: 1\r\n\r\nb\r\n.\r\n',
] as const;

const piece = fc.constantFrom(...PIECES);
const OPENING = 'MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n';
const text = fc.constantFrom(
  'A: 1\r\n\r\n',
  'From: a@example.com\r\n',
  '\r\n',
  'text\r\n',
  '..\r\n',
  'X-Idempotency-Key: k\r\n',
);
const content = fc.array(fc.oneof({ weight: 6, arbitrary: text }, { weight: 1, arbitrary: piece }), { maxLength: 6 });
const transaction = fc
  .tuple(content, fc.constantFrom('.\r\n', '.\r\n', '\r\n.\r\n', ''))
  .map(([pieces, end]) => `${OPENING}${pieces.join('')}${end}`);
/** Mostly conversations that could be, so that deep states are reached, with anything in between. */
const talk = fc
  .tuple(
    fc.constantFrom('EHLO x\r\n', `EHLO x\r\nAUTH PLAIN ${plainToken('app', 'secret-app')}\r\n`, ''),
    fc.array(fc.oneof(transaction, piece, piece), { maxLength: 8 }),
  )
  .map(([hello, rest]) => [hello, ...rest].join(''));
const cuts = fc.array(fc.nat(400), { maxLength: 5 });

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function fuzzSessions(numRuns: number, timeLimitMs: number): Promise<void> {
  const rig = new Rig({
    limits: { junkCommands: 8, sizeMax: 4000, headerMax: 2000, memoryPerMessage: 1000 },
    deadlines: { lingerMs: 50 },
  });
  let turnOf = 0;
  rig.answer = (question) =>
    Promise.resolve(question.ask === 'claim' && ++turnOf % 3 === 0 ? { answer: 'busy' } : { answer: 'yes' });
  rig.writer.before = () => (++turnOf % 2 === 0 ? turn() : Promise.resolve());
  const ports = new Map<ListenerName, number>();
  for (const name of ['trusted', 'plain', 'starttls'] as const) ports.set(name, await rig.listen(name));
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('trusted', 'plain', 'starttls'),
        talk,
        cuts,
        fc.boolean(),
        async (name, text, at, reset) => {
          const before = rig.writer.kept.length;
          const client = rig.client(ports.get(name) ?? 0);
          client.socket.setNoDelay(true);
          let from = 0;
          for (const to of [...at.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length]) {
            client.send(text.slice(from, to));
            from = to;
            await turn();
          }
          if (reset) client.socket.resetAndDestroy();
          else client.socket.end();
          const said = await client.rest();
          while (rig.submission.counts().sessions > 0) await turn();
          // A record that was being written when its client went away is finished all the same.
          for (let i = 0; i < 50 && rig.submission.counts().memory > 0; i++) await turn();
          equal(rig.submission.counts().memory, 0);
          if (reset) return;
          for (const line of said.split('\n').slice(0, -1)) match(line, /^[2-5]\d\d[ -]/, JSON.stringify(said));
          equal(rig.writer.kept.length - before, said.match(/^250 2\.6\.0 /gm)?.length ?? 0, JSON.stringify(said));
          equal(rig.accepted.length, rig.writer.kept.length);
        },
      ),
      { numRuns, interruptAfterTimeLimit: timeLimitMs },
    );
    equal(rig.logged.filter((line) => line.level === 'error').length, 0);
    for (const { content } of rig.writer.kept) match(content.toString('latin1'), /^(?:(?!\0)[^\r\n]|\r\n)*$/);
  } finally {
    await rig.close();
  }
}
