// Connections: how many there may be, where they come from, how they end; and what of them may be written down.
import { equal, match, throws } from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { RENEWED_KEY, TEST_CERTIFICATE } from '../support/certificate.ts';
import { LISTENERS, plainToken, withRig } from './rig.ts';
import { begin, turn, until, works } from './talk.ts';

test('exhaustion: too many sessions of one address, and of all', async () => {
  await withRig({ limits: { sessions: 3, sessionsPerAddress: 2 } }, async (rig) => {
    const port = await rig.listen('proxy');
    const from = async (address: string): Promise<string> => {
      const client = rig.client(port);
      const header = Buffer.concat([
        Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c', 'latin1'),
        Buffer.from(address.split('.').map(Number)),
        Buffer.from([127, 0, 0, 1, 0, 1, 0, 25]),
      ]);
      client.send(header);
      return client.reply();
    };
    match(await from('192.0.2.1'), /^220 /);
    match(await from('192.0.2.1'), /^220 /);
    match(await from('192.0.2.1'), /^421 4\.7\.0 Too many connections from your address/);
    match(await from('192.0.2.2'), /^220 /);
    match(await from('192.0.2.3'), /^421 4\.7\.0 Too many connections, /);
    equal(rig.submission.counts().capped, 2);
  });
});

test('vanishing: clients that go away within a content leave nothing behind', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('trusted');
    for (let i = 0; i < 60; i++) {
      const client = rig.client(port);
      await client.reply();
      await client.command('HELO x');
      await begin(client);
      client.send(`A: 1\r\n\r\n${'x\r\n'.repeat(i * 50)}`);
      if (i % 2 === 0) client.socket.resetAndDestroy();
      else client.socket.end();
    }
    await until(() => rig.submission.counts().sessions === 0 && rig.submission.counts().memory === 0);
    equal(rig.writer.kept.length, 0);
    await works(rig);
  });
});

test('vanishing: a client that closes its side after its last command gets its replies', async () => {
  await withRig({}, async (rig) => {
    const client = rig.client(await rig.listen('trusted'));
    client.socket.end('EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@b.c>\r\nDATA\r\nA: 1\r\n\r\nb\r\n.\r\nQUIT\r\n');
    match(await client.rest(), /\n250 2\.6\.0 \w{26} accepted\n221 2\.0\.0 Bye\n$/);
    equal(rig.writer.kept.length, 1);
  });
});

test('vanishing: who goes away while the sync runs has sent a message', async () => {
  await withRig({}, async (rig) => {
    let release = (): void => {};
    rig.writer.before = () => new Promise((resolve) => (release = resolve));
    const client = await rig.sender();
    await begin(client);
    client.send('A: 1\r\n\r\nb\r\n.\r\n');
    await until(() => rig.submission.counts().memory > 0);
    for (let i = 0; i < 20; i++) await turn();
    client.socket.resetAndDestroy();
    await until(() => rig.submission.counts().sessions === 0);
    release();
    await until(() => rig.accepted.length === 1);
    equal(rig.submission.counts().memory, 0);
  });
});

test('proxy: no header, half a header and an old header close the connection', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('proxy');
    for (const text of [
      'EHLO client.test\r\n',
      '\r\n\r\n\0\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n',
      '\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff',
    ]) {
      const client = rig.client(port);
      client.socket.end(Buffer.from(text, 'latin1'));
      equal(await client.reply(), 'closed', JSON.stringify(text));
    }
    equal(rig.submission.counts().brokenHandshakes, 4);
  });
});

test('proxy: the client of the header is the one that is judged and named, IPv6 too, then STARTTLS', async () => {
  await withRig({}, async (rig) => {
    const client = rig.client(await rig.listen('proxytls'));
    const address = Buffer.from('20010db8000000000000000000000001', 'hex');
    client.send(
      Buffer.concat([
        Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x27', 'latin1'),
        address,
        address,
        Buffer.from([0, 1, 0, 25, 4, 0, 0]),
      ]),
    );
    await client.reply();
    // Not loopback any more: no AUTH in plain.
    equal((await client.command('EHLO x')).includes('AUTH'), false);
    match(await client.command(`AUTH PLAIN ${plainToken('app', 'secret-app')}`), /^538 5\.7\.11 /);
    match(await client.command('MAIL FROM:<a@b.c>'), /^530 5\.7\.0 Send STARTTLS first/);
    await client.command('STARTTLS');
    await client.startTls();
    await client.command('EHLO x');
    match(await client.command(`AUTH PLAIN ${plainToken('app', 'secret-app')}`), /^235 /);
    await begin(client);
    client.send('A: 1\r\n\r\nb\r\n.\r\n');
    match(await client.reply(), /^250 /);
    match(rig.only.content.toString(), /^Received: from x \(\[IPv6:2001:db8::1\]\)/);
  });
});

test('hello: a name that could change the field is not repeated in Received', async () => {
  await withRig({}, async (rig) => {
    const client = rig.client(await rig.listen('trusted'));
    await client.reply();
    await client.command('EHLO x)by(evil');
    await begin(client);
    client.send('A: 1\r\n\r\nb\r\n.\r\n');
    await client.reply();
    match(rig.only.content.toString(), /^Received: from unknown \(\[127\.0\.0\.1\]\)\r\n/);
  });
});

test('canary: no password, AUTH line, address or content is in any log line', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('starttls');
    for (const end of ['.\r\n', '\n.\r\n']) {
      const client = rig.client(port);
      await client.reply();
      await client.command('EHLO canary-hello');
      for (const line of [
        `AUTH PLAIN ${plainToken('app', 'canary-password')}`,
        `AUTH PLAIN ${plainToken('canary-password', 'canary-password')}`,
        `AUTH PLAIN ${plainToken('app', 'secret-app')}`,
        'MAIL FROM:<canary@example.com>',
        'RCPT TO:<canary@example.net>',
        'DATA',
      ])
        await client.command(line);
      client.send(`Subject: canary\x1b[31m\r\n\r\ncanary\r\n${end}`);
      await client.reply();
      client.socket.resetAndDestroy();
    }
    rig.writer.before = () => Promise.reject(new Error('EIO'));
    const client = await rig.sender();
    await begin(client);
    client.send('Subject: canary\r\n\r\ncanary\r\n.\r\n');
    await client.reply();
    equal(rig.logged.length > 5, true);
    const text = JSON.stringify(rig.logged).toLowerCase();
    for (const secret of ['canary', 'secret', plainToken('app', 'canary-password').toLowerCase(), 'y2fuyxj5']) {
      equal(text.includes(secret), false, secret);
    }
  });
});

test('accept: a connection that is gone before it is looked at harms nobody', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('trusted');
    await Promise.all(
      Array.from(
        { length: 50 },
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => socket.resetAndDestroy());
            socket.on('close', () => resolve()).on('error', () => undefined);
          }),
      ),
    );
    await works(rig);
    await until(() => rig.submission.counts().sessions === 1);
  });
});

test('accept: a socket that cannot accept is told once, and others go on', async () => {
  await withRig({}, async (rig) => {
    const server = createServer();
    rig.submission.attach(LISTENERS.plain, server);
    for (let i = 0; i < 100; i++) server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    equal(rig.logged.filter((line) => line.message === 'connections cannot be accepted').length, 1);
    await works(rig);
  });
});

test('reload: what cannot be used changes nothing', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('implicit');
    const bad = { ...LISTENERS.implicit, tls: { cert: TEST_CERTIFICATE, key: RENEWED_KEY } };
    const limits = { ...rig.options.limits, sizeMax: 1 };
    throws(() => rig.submission.reload({ ...rig.options, limits, listeners: [bad] }), /key values mismatch/);
    const network = { ...LISTENERS.trusted, trusted: [{ network: '10.0.0.0/33', user: 'app' }] };
    throws(() => rig.submission.reload({ ...rig.options, limits, listeners: [network] }), RangeError);
    match(await rig.client(port, { tls: true }).reply(), /^220 /);
    await works(rig);
  });
});
