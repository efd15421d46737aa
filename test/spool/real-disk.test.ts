import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { codeOf, realDisk } from '../../src/spool/disk.ts';
import { scanJournal } from '../../src/spool/journal-reader.ts';
import { JournalWriter } from '../../src/spool/journal-writer.ts';
import { LARGE, SEGMENTS, makeFolders } from '../../src/spool/layout.ts';
import { SegmentReader } from '../../src/spool/segment-reader.ts';
import { SegmentWriter } from '../../src/spool/segment-writer.ts';
import { outcome } from './mail.ts';
import { appendAll, contentIn, letter, outline } from './segment-rig.ts';

const die = (reason: string): void => assert.fail(reason);

async function inFolder(run: (root: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'postilion-spool-'));
  try {
    await run(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('real disk: messages and events written are there for the next life', async () => {
  await inFolder(async (root) => {
    const disk = realDisk(root);
    await makeFolders(disk);
    await makeFolders(disk);
    const base = { disk, clock: systemClock, random: systemRandom, die };
    const writer = new SegmentWriter({ ...base, writer: 'submission-1', segmentOctets: 100_000 });
    const journal = new JournalWriter({ ...base, onFull: () => false });
    await journal.start();
    const letters = Array.from({ length: 30 }, () => letter(20_000));
    // More buffers than one system call takes.
    const many = letter(3000);
    const pieces = [...many.content].map((octet) => Uint8Array.of(octet));
    const locations = await appendAll(writer, letters);
    locations.push(await writer.append(many.message, pieces));
    journal.write(letters.map(({ message }) => outcome(message, 0, 'delivered')));
    await journal.close();
    await writer.close();

    const next = realDisk(root);
    assert.ok(next.list(SEGMENTS).length > 5);
    const found: string[] = [];
    for (const segment of next.list(SEGMENTS)) found.push(...(await outline(next, segment)));
    assert.deepEqual(found.sort(), [...letters, many].map(({ message }) => message.id).sort());
    const reader = new SegmentReader(next);
    for (const [index, { content }] of [...letters, many].entries()) {
      assert.ok(content.equals(await contentIn(await reader.read(locations[index]!))));
    }
    await reader.close();
    let events = 0;
    for await (const item of scanJournal(next)) if (item.item === 'event') events++;
    assert.equal(events, 30);
  });
});

test('real disk: large content goes to a file of its own that nobody else can read', async () => {
  await inFolder(async (root) => {
    const disk = realDisk(root);
    await makeFolders(disk);
    const writer = new SegmentWriter({
      ...{ disk, clock: systemClock, random: systemRandom, die },
      ...{ writer: 'a', segmentOctets: 100_000 },
    });
    const { message, content } = letter(2_500_000);
    const staged = await writer.stage(message.id);
    await Promise.all([staged.write(content.subarray(0, 900_000)), staged.write(content.subarray(900_000))]);
    const location = await writer.append(message, staged);
    assert.ok(content.equals(await contentIn(await new SegmentReader(disk).read(location))));
    assert.equal(statSync(join(root, LARGE, message.id)).mode & 0o777, 0o600);
    assert.equal(statSync(join(root, LARGE)).mode & 0o777, 0o700);
    await writer.close();
  });
});

test('real disk: errors keep their code, and what is not there is not there', async () => {
  await inFolder(async (root) => {
    const disk = realDisk(root);
    const code = (run: () => unknown): string => {
      try {
        run();
        return 'none';
      } catch (error) {
        return codeOf(error);
      }
    };
    disk.openNew('a').close();
    assert.equal(
      code(() => disk.openNew('a')),
      'EEXIST',
    );
    assert.equal(
      code(() => disk.openRead('b')),
      'ENOENT',
    );
    assert.equal(disk.findSize('b'), undefined);
    assert.deepEqual(disk.list('nothing'), []);
    await disk.rename('a', 'c');
    await disk.syncFolder('.');
    assert.deepEqual(disk.list('.'), ['c']);
    await disk.unlink('c');
    assert.deepEqual(disk.list('.'), []);
    const { octets, octetsFree } = disk.space();
    assert.ok(octets > 0 && octetsFree <= octets);
  });
});
