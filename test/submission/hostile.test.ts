// Clients that mean ill or are broken: nothing they do reaches another message, another session or the process.
import { equal, match } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { RENEWED_CERTIFICATE, RENEWED_KEY, TEST_CERTIFICATE } from '../support/certificate.ts';
import { LISTENERS, plainToken, withRig } from './rig.ts';
import { begin, turn, until, works } from './talk.ts';

const SMUGGLED =
  'MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nB: 1\r\n\r\nevil\r\n.\r\nQUIT\r\n';

for (const [end, what] of [
  ['\n.\n', 'LF'],
  ['\n.\r\n', 'LF'],
  ['\r\n.\n', 'LF'],
  ['\r.\r', 'CR'],
  ['\r\n.\r', 'CR'],
  ['\r.\r\n', 'CR'],
  ['\r\r\n.\r\r\n', 'CR'],
  ['\r\n\0.\r\n', 'NUL'],
  ['\n..\n', 'LF'],
  ['\r\n..\n', 'LF'],
] as const) {
  test(`smuggling: ${JSON.stringify(end)} is 550 5.6.11 and the end, in one piece and octet by octet`, async () => {
    await withRig({}, async (rig) => {
      for (const split of [false, true]) {
        const client = await rig.sender();
        await begin(client);
        const octets = `A: 1\r\n\r\ntext${end}${SMUGGLED}`;
        if (!split) client.send(octets);
        else {
          client.socket.setNoDelay(true);
          for (const octet of octets.slice(0, 40)) {
            client.send(octet);
            await turn();
          }
        }
        match(await client.reply(), new RegExp(`^550 5\\.6\\.11 .*${what}`));
        equal(await client.reply(), 'closed');
      }
      equal(rig.writer.kept.length, 0);
    });
  });
}

test('starttls: what was sent in plain behind it is never run (command injection)', async () => {
  await withRig({}, async (rig) => {
    const client = rig.client(await rig.listen('starttls'));
    await client.reply();
    client.send(
      `EHLO x\r\nSTARTTLS\r\nEHLO evil\r\nAUTH PLAIN ${plainToken('app', 'secret-app')}\r\nMAIL FROM:<evil@example.com>\r\n`,
    );
    await client.reply();
    match(await client.reply(), /^220 /);
    await client.startTls();
    match(await client.command('NOOP'), /^250 2\.0\.0 OK$/);
    match(await client.command('RCPT TO:<b@example.net>'), /^503 5\.5\.1 Send EHLO first/);
  });
});

test('starttls: garbage, an old protocol and a vanishing client end their connection only', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('starttls');
    const implicit = await rig.listen('implicit');
    for (const spoil of ['garbage\r\n\r\n', '\x16\x03\x01\xff\xff', '']) {
      const client = rig.client(port);
      await client.reply();
      client.send('STARTTLS\r\n');
      match(await client.reply(), /^220 /);
      if (spoil === '') client.socket.resetAndDestroy();
      else {
        client.send(spoil);
        client.socket.end();
      }
      const raw = rig.client(implicit);
      raw.send(spoil === '' ? 'EHLO x\r\n' : spoil);
      if (spoil === '') raw.socket.resetAndDestroy();
      else raw.socket.end();
    }
    await new Promise<void>((resolve) => {
      const old = connectTls({
        port: implicit,
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
        rejectUnauthorized: false,
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      old
        .on('error', () => resolve())
        .on('secureConnect', () => old.destroy(new Error('an old protocol was accepted')));
    });
    await until(() => rig.submission.counts().sessions === 0);
    await works(rig);
  });
});

test('tls: a session ticket of one listener is worth nothing at another', async () => {
  await withRig({}, async (rig) => {
    const first = await rig.listen('implicit');
    const issuing = connectTls({ port: first, rejectUnauthorized: false });
    const ticket = await new Promise<Buffer>((resolve, reject) =>
      issuing.resume().once('session', resolve).once('error', reject),
    );
    issuing.destroy();
    const again = connectTls({ port: first, rejectUnauthorized: false, session: ticket });
    await new Promise<void>((resolve, reject) => again.once('secureConnect', resolve).once('error', reject));
    equal(again.isSessionReused(), true);
    again.destroy();
    const second = rig.client(await rig.listen('starttls'));
    await second.reply();
    await second.command('STARTTLS');
    const socket = connectTls({ socket: second.socket, rejectUnauthorized: false, session: ticket });
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    equal(socket.isSessionReused(), false);
    socket.destroy();
  });
});

test('tls: a renewed certificate is shown from the reload on, and no session is dropped for it', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('implicit');
    const shown = async (): Promise<string> => {
      const socket = connectTls({ port, rejectUnauthorized: false });
      await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    const open = rig.client(port, { tls: true });
    await open.reply();
    const before = await shown();
    equal(before, new X509Certificate(TEST_CERTIFICATE).fingerprint256);
    const tls = { cert: RENEWED_CERTIFICATE, key: RENEWED_KEY };
    rig.submission.reload({ ...rig.options, listeners: [{ ...LISTENERS.implicit, tls }] });
    equal(await shown(), new X509Certificate(RENEWED_CERTIFICATE).fingerprint256);
    match(await open.command('NOOP'), /^250 /);
  });
});

test('exhaustion: a command line without end and a huge AUTH token are cut off', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('plain');
    for (const start of ['EHLO ', 'AUTH PLAIN ']) {
      const client = rig.client(port);
      await client.reply();
      await client.command('HELO x');
      client.send(start + 'A'.repeat(70_000));
      match(await client.reply(), /^500 5\.5\.2 Line too long/);
      equal(await client.reply(), 'closed');
    }
    const client = rig.client(port);
    await client.reply();
    match(await client.command(`EHLO ${'x'.repeat(5000)}`), /^501 /);
  });
});

test('exhaustion: 3,000 recipients, 1,000 taken, the rest 452, the message goes', async () => {
  await withRig({}, async (rig) => {
    const client = await rig.sender();
    await client.command('MAIL FROM:<a@example.com>');
    client.send(Array.from({ length: 3000 }, (_unused, index) => `RCPT TO:<r${index}@example.net>\r\n`).join(''));
    const replies: string[] = [];
    for (let i = 0; i < 3000; i++) replies.push(await client.reply());
    equal(replies.filter((reply) => reply.startsWith('250 2.1.5')).length, 1000);
    equal(replies.filter((reply) => reply.startsWith('452 4.5.3')).length, 2000);
    client.send('DATA\r\nA: 1\r\n\r\nb\r\n.\r\n');
    await client.reply();
    match(await client.reply(), /^250 2\.6\.0 /);
    equal(rig.only.message.forwardPaths.length, 1000);
  });
});

test('exhaustion: 10,000 pipelined commands leave others their turn, and a client that reads nothing is not read', async () => {
  await withRig({ limits: { junkCommands: 1_000_000 } }, async (rig) => {
    const flood = await rig.sender();
    flood.socket.pause();
    let sent = 0;
    const more = 'VRFY somebody\r\n'.repeat(10_000);
    while (flood.socket.writableLength < 1_000_000 && sent < 200) {
      flood.send(more);
      sent++;
      await turn();
    }
    await works(rig);
    // Unread replies and unread commands both stand still: what is buffered is bounded by the sockets.
    const before = flood.socket.writableLength;
    for (let i = 0; i < 50; i++) await turn();
    equal(flood.socket.writableLength >= before - 2_000_000, true);
    equal(sent < 200, true, 'the relay swallowed 30 MB of commands without a reader');
  });
});
