import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { Ballast } from '../../src/spool/ballast.ts';
import { Reserve, sizesFor } from '../../src/spool/reserve.ts';
import { changedDisk, changedFiles } from '../support/changed-disk.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeDisk } from '../support/fake-disk.ts';

const MIB = 1024 * 1024;
const atOnce = (): Promise<void> => Promise.resolve();

test('reserve: scales with the file system', () => {
  const space = (mib: number): Parameters<typeof sizesFor>[0] => ({
    octets: mib * MIB,
    octetsFree: 0,
    inodes: 1000,
    inodesFree: 0,
  });
  const inMib = (mib: number): number[] => {
    const { reserveOctets, ballastOctets, segmentOctets, reserveInodes } = sizesFor(space(mib));
    return [reserveOctets / MIB, ballastOctets / MIB, segmentOctets / MIB, reserveInodes];
  };
  assert.deepEqual(inMib(40), [4, 1, 2.5, 50]);
  assert.deepEqual(inMib(10_000), [1000, 250, 64, 50]);
  assert.deepEqual(inMib(1_000_000), [2048, 512, 64, 50]);
});

test('reserve: is reached when what is free and the ballast are less, and asks the disk at most every 100 ms', async () => {
  const clock = new FakeClock();
  let asked = 0;
  let octetsFree = 80 * MIB;
  let inodesFree = 60;
  let ballast = 0;
  const disk = changedDisk(new FakeDisk({ random: seededRandom(1) }), {
    space: () => {
      asked++;
      return { octets: 1000 * MIB, octetsFree, inodes: 1000, inodesFree };
    },
  });
  const reserve = new Reserve(disk, clock, () => ballast);
  assert.equal(reserve.isReached(), true);
  ballast = 25 * MIB;
  assert.equal(reserve.isReached(), true);
  const before = asked;
  await clock.advance(100);
  assert.equal(reserve.isReached(), false);
  assert.equal(asked, before + 1);
  inodesFree = 49;
  reserve.forget();
  assert.equal(reserve.isReached(), true);
  octetsFree = 0;
  assert.equal(asked, before + 2);
});

test('ballast: takes its room, gives it up at once, takes it again', async () => {
  const disk = new FakeDisk({ random: seededRandom(1), capacity: 5 * MIB });
  const ballast = new Ballast(disk, seededRandom(2), 2.5 * MIB, atOnce);
  assert.equal(ballast.give(), false);
  await ballast.fill(() => true);
  assert.ok(ballast.isFull);
  assert.equal(disk.findSize('ballast'), 2.5 * MIB);
  assert.equal(ballast.give(), true);
  assert.equal(disk.space().octetsFree, 5 * MIB);
  assert.equal(ballast.give(), false);
  await ballast.fill(() => true);
  assert.ok(new Ballast(disk, seededRandom(2), 2.5 * MIB, atOnce).isFull);
});

test('ballast: takes no more than there is, and stops when told', async () => {
  const disk = new FakeDisk({ random: seededRandom(1), capacity: 1.5 * MIB });
  const ballast = new Ballast(disk, seededRandom(2), 2.5 * MIB, atOnce);
  await ballast.fill(() => true);
  assert.equal(ballast.octets, 1.5 * MIB);
  ballast.give();
  await ballast.fill(() => false);
  assert.equal(ballast.octets, 0);
});

test('ballast: given up while it is being filled it holds nothing', async () => {
  const disk = new FakeDisk({ random: seededRandom(1) });
  const ballast = new Ballast(disk, seededRandom(2), 4 * MIB, atOnce);
  let steps = 0;
  await ballast.fill(() => {
    if (++steps === 3) ballast.give();
    return true;
  });
  assert.equal(ballast.octets, 0);
  assert.equal(disk.findSize('ballast'), 0);
});

test('ballast: behind each step it syncs and rests; given up meanwhile it takes nothing more', async () => {
  const disk = new FakeDisk({ random: seededRandom(1) });
  const seen: string[] = [];
  const watched = changedFiles(disk, (file) => ({
    writev: (buffers, position) => (seen.push(`write at ${position / MIB}`), file.writev(buffers, position)),
    fdatasync: () => (seen.push('sync'), file.fdatasync()),
  }));
  const ballast = new Ballast(watched, seededRandom(2), 4 * MIB, async () => {
    seen.push('rest');
    if (seen.length > 3) ballast.give();
  });
  await ballast.fill(() => true);
  assert.equal(seen.join(), 'write at 0,sync,rest,write at 1,sync,rest');
  assert.equal(disk.findSize('ballast'), 0);
});
