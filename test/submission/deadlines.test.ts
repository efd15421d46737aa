// Time: every wait for a client ends, none of ours is counted against it. The clock is moved by hand.
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../support/fake-clock.ts';
import { plainToken, type Rig, withRig } from './rig.ts';
import { begin, turn, until } from './talk.ts';

function timed(action: (rig: Rig, clock: FakeClock) => Promise<void>): () => Promise<void> {
  return async () => {
    const clock = new FakeClock();
    await withRig({ clock, deadlines: { commandMs: 300_000, sessionMs: 3_600_000 } }, async (rig) => {
      await action(rig, clock);
      // Whoever lingers is let go, so that the rig can close.
      void clock.advance(600_000);
    });
    equal(clock.pending, 0, 'a timer was left behind');
  };
}

/** Octets on their way have been read when the counters stand still. */
async function arrived(): Promise<void> {
  for (let i = 0; i < 30; i++) await turn();
}

test(
  'deadlines: a silent client and one that trickles a command have the same five minutes',
  timed(async (rig, clock) => {
    const silent = await rig.sender();
    const slow = await rig.sender();
    for (let seconds = 0; seconds < 250; seconds += 50) {
      slow.send('N');
      await arrived();
      await clock.advance(50_000);
    }
    await clock.advance(49_000);
    equal(rig.submission.counts().sessions, 2);
    await clock.advance(1001);
    for (const client of [silent, slow]) {
      match(await client.reply(), /^421 4\.4\.2 Timeout/);
      equal(await client.reply(), 'closed');
    }
  }),
);

test(
  'deadlines: a whole command gives five more minutes',
  timed(async (rig, clock) => {
    const client = await rig.sender();
    for (let i = 0; i < 5; i++) {
      await clock.advance(299_000);
      match(await client.command('NOOP'), /^250 /);
    }
  }),
);

test(
  'deadlines: content must come at 500 octets a second once its time is used up',
  timed(async (rig, clock) => {
    const steady = await rig.sender();
    const slow = await rig.sender();
    await begin(steady);
    await begin(slow);
    for (let i = 0; i < 10; i++) {
      steady.send('x'.repeat(49_998).concat('\r\n'));
      slow.send('x');
      await arrived();
      await clock.advance(90_000);
      if (i === 4) {
        match(await slow.reply(), /^421 4\.4\.2 Data comes too slowly/);
        equal(await slow.reply(), 'closed');
      }
    }
    steady.send('.\r\n');
    match(await steady.reply(), /^250 /);
  }),
);

test(
  'deadlines: an hour is the longest session, but an answer being worked on comes first',
  timed(async (rig, clock) => {
    const idle = await rig.sender();
    const busy = await rig.sender();
    let release = (): void => {};
    rig.writer.before = () => new Promise((resolve) => (release = resolve));
    for (let i = 0; i < 12; i++) {
      await clock.advance(299_000);
      await idle.command('RSET');
      await busy.command('RSET');
    }
    await begin(busy);
    busy.send('A: 1\r\n\r\nb\r\n.\r\n');
    await until(() => rig.submission.counts().memory > 0);
    await arrived();
    await clock.advance(100_000);
    match(await idle.reply(), /^421 4\.4\.2 Session lasted too long/);
    release();
    match(await busy.reply(), /^250 2\.6\.0 /);
    match(await busy.reply(), /^421 4\.4\.2 /);
  }),
);

test(
  'deadlines: a slow sync is waited for, however long',
  timed(async (rig, clock) => {
    const client = await rig.sender();
    let release = (): void => {};
    rig.writer.before = () => new Promise((resolve) => (release = resolve));
    await begin(client);
    client.send('A: 1\r\n\r\nb\r\n.\r\n');
    await until(() => rig.submission.counts().memory > 0);
    await arrived();
    await clock.advance(1_200_000);
    release();
    match(await client.reply(), /^250 /);
  }),
);

test(
  'deadlines: a TLS handshake and a PROXY header have 30 seconds',
  timed(async (rig, clock) => {
    const starttls = rig.client(await rig.listen('starttls'));
    await starttls.reply();
    match(await starttls.command('STARTTLS'), /^220 /);
    const implicit = rig.client(await rig.listen('implicit'));
    const proxy = rig.client(await rig.listen('proxy'));
    await until(() => rig.submission.counts().connections === 3);
    await arrived();
    await clock.advance(29_000);
    equal(rig.submission.counts().sessions, 2);
    await clock.advance(1001);
    for (const client of [starttls, implicit, proxy]) equal(await client.reply(), 'closed');
    await until(() => rig.submission.counts().sessions === 0);
  }),
);

test(
  'deadlines: a client that reads no replies is let go',
  timed(async (rig, clock) => {
    const client = await rig.sender();
    client.socket.pause();
    for (let i = 0; i < 100 && client.socket.writableLength < 500_000; i++) {
      client.send('RCPT TO:<nobody>\r\n'.repeat(5000));
      await arrived();
    }
    await clock.advance(300_001);
    client.close();
    await until(() => rig.submission.counts().sessions === 0);
  }),
);

test(
  'stop: idle sessions get 421, content on its way may end, a sync is waited for',
  timed(async (rig, clock) => {
    const idle = await rig.sender();
    const waiting = await rig.sender();
    const ending = await rig.sender();
    const syncing = await rig.sender();
    await waiting.command('MAIL FROM:<a@example.com>');
    await begin(ending);
    await begin(syncing);
    let release = (): void => {};
    rig.writer.before = () => new Promise((resolve) => (release = resolve));
    syncing.send('A: 1\r\n\r\nb\r\n.\r\n');
    await until(() => rig.submission.counts().memory > 0);
    await arrived();
    let stopped = false;
    const stop = rig.submission.stop().then(() => (stopped = true));
    match(await idle.reply(), /^421 4\.3\.2 /);
    match(await waiting.reply(), /^421 4\.3\.2 /);
    release();
    match(await syncing.reply(), /^250 2\.6\.0 /);
    rig.writer.before = () => Promise.resolve();
    ending.send('A: 1\r\n\r\nb\r\n.\r\n');
    match(await ending.reply(), /^250 2\.6\.0 /);
    equal(stopped, false);
    await clock.advance(201);
    for (const client of [ending, syncing]) {
      match(await client.reply(), /^421 4\.3\.2 /);
      equal(await client.reply(), 'closed');
    }
    await stop;
  }),
);

test(
  'stop: content that takes too long gets 421 before its dot, and nothing of it is kept',
  timed(async (rig, clock) => {
    const client = await rig.sender();
    await begin(client);
    client.send('A: 1\r\n\r\nb\r\n');
    await arrived();
    const stop = rig.submission.stop();
    await clock.advance(201);
    match(await client.reply(), /^421 4\.3\.2 /);
    client.send('.\r\n');
    equal(await client.reply(), 'closed');
    await stop;
    equal(rig.writer.kept.length, 0);
  }),
);

test(
  'stop: a new connection is told so',
  timed(async (rig) => {
    const port = await rig.listen('trusted');
    await rig.submission.stop();
    match(await rig.client(port).reply(), /^421 4\.3\.2 /);
  }),
);

test(
  'reload: new limits hold for the next transaction, a removed user may send no more',
  timed(async (rig) => {
    const client = rig.client(await rig.listen('plain'));
    await client.reply();
    await client.command('EHLO x');
    await client.command(`AUTH PLAIN ${plainToken('app', 'secret-app')}`);
    match(await client.command('MAIL FROM:<a@example.com> SIZE=1000'), /^250 /);
    await client.command('RSET');
    rig.submission.reload({ ...rig.options, limits: { ...rig.options.limits, sizeMax: 500 } });
    match(await client.command('MAIL FROM:<a@example.com> SIZE=1000'), /^552 5\.3\.4 /);
    rig.users = [];
    match(await client.command('MAIL FROM:<a@example.com>'), /^530 5\.7\.0 /);
  }),
);

test(
  'deadlines: a step of the wall clock ends no session and keeps none alive',
  timed(async (rig, clock) => {
    for (const step of [86_400_000, -2 * 86_400_000]) {
      const client = await rig.sender();
      await begin(client);
      client.send('Subject: x\r\n');
      await arrived();
      clock.stepWall(step);
      await clock.advance(60_000);
      client.send('\r\nb\r\n.\r\n');
      match(await client.reply(), /^250 2\.6\.0 /);
      // Its five minutes are five minutes of this world.
      await clock.advance(299_000);
      equal(rig.submission.counts().sessions, 1);
      await clock.advance(2_000);
      match(await client.reply(), /^421 4\.4\.2 Timeout/);
      equal(await client.reply(), 'closed');
      await arrived();
    }
  }),
);
