// What content costs: memory within its bounds whatever comes, files beside it, and all of it given back.
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { SpoolFull } from '../../src/flow/spool.ts';
import { withRig } from './rig.ts';
import { begin, checkSums, submit, theirs } from './talk.ts';

const LARGE = `From: a@example.com\r\n\r\n${`${'x'.repeat(70)}\r\n.y\r\n`.repeat(30_000)}`;

test('content: larger than one message may be in memory goes to a file, octet for octet', async () => {
  await withRig({ limits: { memoryPerMessage: 100_000 } }, async (rig) => {
    match(await submit(rig, `${LARGE.replaceAll('\r\n.', '\r\n..')}.\r\n`), /^250 /);
    equal(rig.writer.staged, 1);
    equal(theirs(rig.only), LARGE);
    checkSums(rig.only);
    equal(rig.submission.counts().memory, 0);
    equal(rig.writer.discarded, 0);
  });
});

test('content: when all sessions together hold too much, small ones go to files too', async () => {
  await withRig({ limits: { memory: 50_000 } }, async (rig) => {
    const holder = await rig.sender();
    await begin(holder);
    holder.send(`A: 1\r\n\r\n${'x\r\n'.repeat(15_000)}`);
    while (rig.submission.counts().memory < 45_000) await new Promise((resolve) => setImmediate(resolve));
    match(await submit(rig, `A: 1\r\n\r\n${'y\r\n'.repeat(5000)}.\r\n`), /^250 /);
    equal(rig.writer.staged, 1);
    checkSums(rig.only);
    holder.send('.\r\n');
    match(await holder.reply(), /^250 /);
    equal(rig.submission.counts().memory, 0);
  });
});

test('content: twenty large messages at once stay within the memory there is, and all arrive', async () => {
  await withRig({ limits: { memory: 300_000, memoryPerMessage: 100_000 } }, async (rig) => {
    const port = await rig.listen('trusted');
    let most = 0;
    let open = true;
    const watch = async (): Promise<void> => {
      while (open) {
        most = Math.max(most, rig.submission.counts().memory);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const watching = watch();
    const replies = Array.from({ length: 20 }, async () => {
      const client = rig.client(port);
      await client.reply();
      await client.command('EHLO x');
      await begin(client);
      client.send(`A: 1\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(8000)}.\r\n`);
      return client.reply();
    });
    for (const reply of await Promise.all(replies)) match(reply, /^250 /);
    open = false;
    await watching;
    // One chunk of a socket for each session may be on its way beyond the limit.
    equal(most <= 300_000 + 20 * 65_536, true, `${most} octets in memory`);
    equal(rig.writer.staged, 20);
    for (const kept of rig.writer.kept) checkSums(kept);
    equal(rig.submission.counts().memory, 0);
  });
});

test('content: a header section that never ends counts as memory, and gives it back', async () => {
  await withRig({ limits: { memory: 30_000 } }, async (rig) => {
    const client = await rig.sender();
    await begin(client);
    client.send('A: 1\r\n'.repeat(3000));
    while (rig.submission.counts().memory < 18_000) await new Promise((resolve) => setImmediate(resolve));
    client.send('A: 1\r\n'.repeat(3000));
    client.send('\r\n.\r\n');
    match(await client.reply(), /^452 4\.3\.1 /);
    equal(rig.submission.counts().memory, 0);
  });
});

test('content: a storm of dots costs octets, not objects', async () => {
  await withRig({}, async (rig) => {
    const dots = '..\r\n'.repeat(200_000);
    match(await submit(rig, `A: 1\r\n\r\n${dots}.\r\n`), /^250 /);
    equal(theirs(rig.only), `A: 1\r\n\r\n${'.\r\n'.repeat(200_000)}`);
    checkSums(rig.only);
  });
});

test('content: a full disk is 452 and nothing is kept, in memory or in a file', async () => {
  await withRig({ limits: { memoryPerMessage: 100_000 } }, async (rig) => {
    rig.writer.before = () => Promise.reject(new SpoolFull());
    match(await submit(rig, 'A: 1\r\n\r\nb\r\n.\r\n'), /^452 4\.3\.1 /);
    match(await submit(rig, `${LARGE.replaceAll('\r\n.', '\r\n..')}.\r\n`), /^452 4\.3\.1 /);
    equal(rig.writer.discarded, 1);
    rig.writer.beforeStage = () => Promise.reject(new SpoolFull());
    match(await submit(rig, `${LARGE.replaceAll('\r\n.', '\r\n..')}.\r\n`), /^452 4\.3\.1 /);
    equal(rig.writer.kept.length + rig.accepted.length, 0);
    equal(rig.submission.counts().memory, 0);
    rig.refusal = 'disk';
    const client = await rig.sender();
    match(await client.command('MAIL FROM:<a@b.c>'), /^452 /);
  });
});
