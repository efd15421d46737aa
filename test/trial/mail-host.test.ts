import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { MailHost, type TrialDelivery } from '../../src/trial/mail-host.ts';
import { PERSONALITIES, PLAIN, type Personality } from '../../src/trial/personality.ts';
import { FakeClock } from '../support/fake-clock.ts';

async function host(t: TestContext, personality: Personality) {
  const clock = new FakeClock();
  const got: TrialDelivery[] = [];
  const server = new MailHost({ host: 'mx1.example.com', personality, clock, onDelivery: (one) => void got.push(one) });
  const port = await server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  const talk = async (text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.end(text);
    let said = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => void (said += chunk));
    await once(socket, 'close');
    return said;
  };
  return { clock, got, talk };
}

test('mail host: takes a message, byte by byte or at once, and tells what came', async (t) => {
  const { got, talk } = await host(t, PLAIN);
  const said = await talk(
    'EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@example.com>\r\nDATA\r\nSubject: hi\r\nDKIM-Signature: x\r\n\r\nbody\r\n.\r\nQUIT\r\n',
  );
  assert.match(said, /^220 .*250 2\.0\.0 Ok: queued\r\n221/s);
  assert.deepEqual(
    got.map(({ subject, signatures, forwardPaths, from }) => ({ subject, signatures, forwardPaths, from })),
    [{ subject: 'hi', signatures: 1, forwardPaths: ['c@example.com'], from: '127.0.0.1' }],
  );
});

test('mail host: an empty message ends at its first dot, and a dot inside a line ends nothing', async (t) => {
  const { got, talk } = await host(t, PLAIN);
  const envelope = 'MAIL FROM:<>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n';
  await talk(`${envelope}.\r\n${envelope}a\r\n..\r\nb.\r\n.\r\nQUIT\r\n`);
  assert.deepEqual(
    got.map(({ octets }) => octets),
    [0, 'a\r\n..\r\nb.\r\n'.length],
  );
});

test('mail host: addresses steer it', async (t) => {
  const { got, talk } = await host(t, PLAIN);
  const rcpt = (mailbox: string): string => `MAIL FROM:<a@b>\r\nRCPT TO:<${mailbox}>\r\n`;
  assert.match(await talk(`${rcpt('550@example.com')}DATA\r\nQUIT\r\n`), /550 5\.1\.1 .*554 5\.5\.1/s);
  assert.match(await talk(rcpt('421@example.com')), /421 4\.3\.2 .*\r\n$/s);
  assert.match(await talk(`${rcpt('greylist@example.com')}QUIT\r\n`), /451 4\.7\.1/);
  assert.doesNotMatch(await talk(`${rcpt('greylist@example.com')}QUIT\r\n`), /451/);
  assert.doesNotMatch(await talk(`${rcpt('drop@example.com')}DATA\r\nx\r\n.\r\n`), /queued/);
  assert.equal(got.at(-1)?.reply, 'closed');
});

test('mail host: a provider says its own words beyond its limits', async (t) => {
  const google = PERSONALITIES[0];
  assert.ok(google);
  const small = { ...google, limits: { connections: 1, messagesPerConnection: 1, messagesPerMinute: 2 } };
  const { talk } = await host(t, small);
  const one = 'MAIL FROM:<a@b>\r\nRCPT TO:<c@gmail.com>\r\nDATA\r\nx\r\n.\r\n';
  assert.match(await talk(one + one), /OK {2}trial - gsmtp\r\n421 4\.7\.0 Too many messages for this session/);
  await talk(one);
  assert.match(await talk(`${one}QUIT\r\n`), /421 4\.7\.28 .*\[127\.0\.0\.1\]/);
});
