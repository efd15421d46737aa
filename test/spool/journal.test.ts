import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import type { NoteEvent } from '../../src/flow/event.ts';
import type { Disk } from '../../src/spool/disk.ts';
import { FIRST_BLOCK, type Position } from '../../src/spool/file-head.ts';
import { findOutcomes, listJournal, scanJournal } from '../../src/spool/journal-reader.ts';
import { type Continuation, JournalWriter, type JournalWriterOptions } from '../../src/spool/journal-writer.ts';
import { JOURNAL } from '../../src/spool/layout.ts';
import type { JournalKind } from '../../src/spool/record.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeDisk, type FakeDiskOptions } from '../support/fake-disk.ts';
import { T0, mail, outcome } from './mail.ts';
import { stateOf } from './segment-rig.ts';

const note = (text: string): NoteEvent => ({ type: 'note', at: T0, note: text, by: 'test' });
const notes = (count: number, from = 0): NoteEvent[] =>
  Array.from({ length: count }, (_, index) => note(`note ${from + index}`));

interface Rig {
  readonly disk: FakeDisk;
  readonly clock: FakeClock;
  readonly deaths: string[];
  make(changes?: Partial<JournalWriterOptions>): JournalWriter;
}

function rig(options: Partial<FakeDiskOptions> = {}): Rig {
  const random = seededRandom(5);
  const disk = new FakeDisk({ random, ...options });
  const clock = new FakeClock(T0);
  const deaths: string[] = [];
  const die = (reason: string): void => void deaths.push(reason);
  const base = { disk, clock, random, die, onFull: () => false, fileOctets: 8000, stepOctets: 2048 };
  return { disk, clock, deaths, make: (changes = {}) => new JournalWriter({ ...base, ...changes }) };
}

/** Texts of the notes, then one word for each of the rest. */
async function outline(disk: Disk, from?: Position, until?: Position): Promise<string[]> {
  const found: string[] = [];
  for await (const item of scanJournal(disk, from, until)) {
    found.push(item.item === 'event' && item.event.type === 'note' ? item.event.note : item.item);
  }
  return found;
}

const texts = (count: number, from = 0): string[] => notes(count, from).map((event) => event.note);

test('journal: gives back what was written, in order, from any position and up to any', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  const positions: Position[] = [journal.position];
  for (let i = 0; i < 200; i += 4) positions.push(journal.write(notes(4, i)));
  assert.ok(disk.list(JOURNAL).length > 2, 'over several files');
  assert.deepEqual(await outline(disk), texts(200));
  for (const [index, position] of positions.entries()) {
    assert.deepEqual(await outline(disk, position), texts(200 - 4 * index, 4 * index));
    assert.deepEqual(await outline(disk, undefined, position), texts(4 * index));
  }
  await journal.close();
});

test('journal: what is written survives a kill, what is durable a power cut', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  journal.write(notes(3));
  assert.equal(journal.unsynced, 3);
  await journal.durable();
  assert.equal(journal.unsynced, 0);
  journal.write(notes(2, 3));
  disk.kill();
  assert.deepEqual(await outline(disk), texts(5));
  disk.powerCut();
  assert.deepEqual((await outline(disk)).slice(0, 3), texts(3));
});

test('journal: one sync is in flight, and who comes meanwhile shares the next', async () => {
  const synced: number[] = [];
  const { disk, clock, make } = rig({ completion: 'manual' });
  const journal = make({ onSync: (count) => synced.push(count) });
  const started = journal.start();
  while ((await stateOf(started)) === 'waits') disk.completeOne();
  synced.length = 0;
  journal.write(notes(2));
  const first = journal.durable();
  await settle();
  await clock.advance(700);
  assert.equal(journal.syncAgeMs(), 700);
  journal.write(notes(5));
  const rest = [journal.durable(), journal.durable()];
  assert.equal(disk.pending, 1);
  disk.completeOne();
  assert.equal(await stateOf(first), 'resolved');
  assert.equal(await stateOf(rest[0]!), 'waits');
  assert.equal(disk.pending, 1);
  disk.completeOne();
  await Promise.all(rest);
  assert.deepEqual(synced, [2, 5]);
  assert.equal(await stateOf(journal.durable()), 'resolved');
  assert.equal(disk.pending, 0);
});

test('journal: an end of a file and the beginning of the next are durable together', async () => {
  const { disk, make } = rig({ completion: 'manual' });
  const journal = make();
  const started = journal.start();
  while ((await stateOf(started)) === 'waits') disk.completeOne();
  for (let i = 0; i < 50; i++) journal.write(notes(1, i));
  assert.equal(disk.list(JOURNAL).length, 2);
  const durable = journal.durable();
  for (const step of ['old file', 'new file', 'folder']) {
    assert.equal(await stateOf(durable), 'waits', step);
    disk.completeOne();
  }
  assert.equal(await stateOf(durable), 'resolved');
  disk.powerCut();
  assert.deepEqual(await outline(disk), texts(50));
});

test('journal: files keep their order when the clock was set back', async () => {
  const { disk, clock, make } = rig();
  for (let life = 0; life < 4; life++) {
    const journal = make();
    await journal.start();
    journal.write([note(`life ${life}`)]);
    await journal.close();
    clock.stepWall(-3_600_000);
  }
  assert.deepEqual(await outline(disk), ['life 0', 'life 1', 'life 2', 'life 3']);
});

async function* copyOf(events: readonly unknown[]): AsyncGenerator<{ kind: JournalKind; value: unknown }> {
  for (const value of events) yield { kind: 'event', value };
}

test('journal: a later file supersedes the tail it was made of, over any number of files', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  journal.write(notes(40));
  const previous = journal.position;
  for (let i = 0; i < 100; i++) journal.write(notes(1, 40 + i));
  assert.ok(disk.list(JOURNAL).length >= 3);
  const next = make();
  await next.start({ previous, copy: copyOf(notes(100, 40)) });
  next.write(notes(10, 140));
  assert.deepEqual(await outline(disk), texts(150));
  assert.deepEqual(await outline(disk, previous), texts(110, 40));
  const again = make();
  await again.start({ previous, copy: copyOf(notes(110, 40)) });
  again.write(notes(1, 150));
  assert.deepEqual(await outline(disk), texts(151));
});

test('journal: a start that is interrupted anywhere has changed nothing', async () => {
  for (let calls = 0; calls < 40; calls++) {
    const { disk, make } = rig();
    const journal = make();
    await journal.start();
    const previous = journal.write(notes(5));
    journal.write(notes(30, 5));
    await journal.durable();
    let left = calls;
    disk.fault = () => {
      if (left-- === 0) disk.powerCut();
      return undefined;
    };
    const continuation: Continuation = { previous, copy: copyOf(notes(30, 5)) };
    await stateOf(
      make()
        .start(continuation)
        .catch(() => {}),
    );
    assert.deepEqual(await outline(disk), texts(35), `power cut at call ${calls}`);
    disk.fault = () => undefined;
    await make().start({ previous, copy: copyOf(notes(30, 5)) });
    assert.deepEqual(await outline(disk), texts(35));
    assert.ok(disk.list(JOURNAL).every((name) => name.endsWith('.log')));
  }
});

test('journal: snapshots stand where they were written', async () => {
  const { disk, make } = rig();
  const journal = make({ onFile: (name) => begun.push(name) });
  const begun: string[] = [];
  await journal.start();
  journal.write([{ pause: 1 }], 'snapshot');
  journal.write(notes(1));
  const items = [];
  for await (const item of scanJournal(disk)) items.push(item.item === 'snapshot' ? item.value : item.item);
  assert.deepEqual(items, [{ pause: 1 }, 'event']);
  assert.deepEqual(begun, disk.list(JOURNAL));
});

test('journal: on a full disk it goes on in the room it has, gives up the ballast, and only then ends', async () => {
  const { disk, deaths, make } = rig({ capacity: 30_000 });
  disk.put('ballast', Buffer.alloc(8000));
  let given = 0;
  const onFull = (): boolean => {
    if (given++ > 0) return false;
    disk.openWrite('ballast').truncateSync(0);
    return true;
  };
  const journal = make({ onFull });
  await journal.start();
  disk.put('other', Buffer.alloc(disk.space().octetsFree));
  let written = 0;
  let atGift = 0;
  while (deaths.length === 0 && written < 1000) {
    const before = journal.position;
    journal.write(notes(1, written));
    if (deaths.length === 0) written++;
    else assert.deepEqual(journal.position, before);
    if (given === 1 && atGift === 0) atGift = written;
  }
  assert.match(deaths.join(), /no ballast left/);
  assert.ok(atGift > 0 && written > atGift + 50, `${atGift} before, ${written} in all`);
  assert.deepEqual(await outline(disk), texts(written));
  assert.equal(await stateOf(journal.durable()), 'waits');
});

test('journal: after a failed sync or write nothing is durable any more', async () => {
  for (const [call, code] of [
    ['fdatasync', 'EIO'],
    ['write', 'EIO'],
  ] as const) {
    const { disk, deaths, make } = rig();
    const journal = make();
    await journal.start();
    journal.write(notes(1));
    disk.fault = ({ name }) => (name === call ? code : undefined);
    journal.write(notes(1, 1));
    assert.equal(await stateOf(journal.durable()), 'waits');
    assert.equal(deaths.length, 1);
    const size = (await outline(disk)).length;
    journal.write(notes(1, 2));
    assert.equal((await outline(disk)).length, size);
  }
});

test('journal damage: a flipped bit costs its event and no other', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  const ends: number[] = [FIRST_BLOCK];
  for (let i = 0; i < 4; i++) {
    ends.push(journal.write(notes(1, i)).offset);
    await journal.durable();
  }
  const [name] = disk.list(JOURNAL);
  for (let event = 0; event < 4; event++) {
    const rest = texts(4).filter((_, index) => index !== event);
    for (let octet = ends[event]!; octet < ends[event + 1]!; octet++) {
      const flip = (): void =>
        disk.damage(`${JOURNAL}/${name}`, (bytes) => {
          bytes[octet]! ^= 1 << (octet % 8);
        });
      flip();
      const found = await outline(disk);
      assert.deepEqual(
        found.filter((text) => text !== 'damaged'),
        rest,
        `octet ${octet}`,
      );
      assert.ok(found.includes('damaged'));
      flip();
    }
  }
});

test('journal damage: a file cut off at any octet gives its whole events', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  const ends = [0, 1, 2].map((i) => journal.write(notes(1, i)).offset);
  const [name] = disk.list(JOURNAL);
  const bytes = disk.bytes(`${JOURNAL}/${name}`).slice();
  for (let length = 0; length <= bytes.length; length += 1) {
    if (length === FIRST_BLOCK - 100) length = FIRST_BLOCK - 2;
    if (length > ends[2]! + 40) length = bytes.length;
    const cut = new FakeDisk({ random: seededRandom(1) });
    cut.put(`${JOURNAL}/${name}`, bytes.subarray(0, length));
    const whole = texts(ends.filter((end) => end <= length).length);
    const found = await outline(cut);
    assert.deepEqual(
      found.filter((text) => text !== 'damaged'),
      whole,
      `at ${length}`,
    );
  }
});

test('journal damage: a file that ends before what was known to be written is damaged', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  journal.write(notes(1));
  const { file } = journal.position;
  assert.deepEqual(await outline(disk, { file, offset: 1_000_000 }), ['damaged']);
});

test('journal damage: a lost sector leaves what was written behind it', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  for (let i = 0; i < 30; i++) journal.write(notes(1, i));
  const [name] = disk.list(JOURNAL);
  disk.damage(`${JOURNAL}/${name}`, (bytes) => bytes.fill(0, 4608, 5120));
  const found = (await outline(disk)).filter((text) => text !== 'damaged');
  assert.deepEqual(found.slice(0, 5), texts(5));
  assert.equal(found.at(-1), 'note 29');
  assert.ok(found.length > 20 && found.length < 30);
});

test('journal: an event inside an event is never read as one', async () => {
  const { disk, make } = rig();
  const journal = make();
  await journal.start();
  journal.write(notes(1));
  const [name] = disk.list(JOURNAL);
  const bytes = disk.bytes(`${JOURNAL}/${name}`);
  const record = Buffer.from(bytes.slice(FIRST_BLOCK, journal.position.offset));
  const from = journal.position.offset;
  journal.write([note(`${record.toString('latin1')} ${'x'.repeat(20)}`)]);
  const to = journal.position.offset;
  journal.write(notes(1, 2));
  // The same octets, not as text: what a hostile reply would need, and cannot have.
  disk.damage(`${JOURNAL}/${name}`, (octets) => {
    octets.fill(1, from, to);
    octets.set(record, from + 60);
  });
  assert.deepEqual((await outline(disk)).sort(), ['damaged', 'note 0', 'note 2']);
});

test('journal history: the last outcomes of one message, over files and lives', async () => {
  const { disk, make } = rig();
  const message = mail(['a@one.example'], { acceptedAt: T0 });
  const other = mail(['a@one.example'], { acceptedAt: T0 });
  for (let life = 0; life < 3; life++) {
    const journal = make();
    await journal.start();
    for (let i = 0; i < 20; i++) {
      const attempts = life * 20 + i;
      journal.write([outcome(message, 0, 'deferred', { attempts }), outcome(other, 0, 'deferred', { attempts: 99 })]);
      journal.write([note(`mentions ${message.id}`)]);
    }
    await journal.close();
  }
  const attemptsOf = async (limit: number): Promise<number[]> =>
    (await findOutcomes(disk, message.id, limit)).map(({ attempts }) => attempts);
  assert.deepEqual(await attemptsOf(5), [55, 56, 57, 58, 59]);
  assert.equal((await attemptsOf(1000)).length, 60);
  assert.ok((await listJournal(disk)).length > 6);
});
