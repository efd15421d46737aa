// Segment writer and journal writer against an in-memory model, on a disk that keeps only what it must. One seed is one
// history of appends, outcomes, faults, kills and power cuts; after each crash everything is read back and compared.
import assert from 'node:assert/strict';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Location, Message, MessageId } from '../../src/flow/message.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import { SpoolFull } from '../../src/flow/spool.ts';
import type { Disk } from '../../src/spool/disk.ts';
import { type JournalRecord, scanJournal } from '../../src/spool/journal-reader.ts';
import { type Continuation, JournalWriter } from '../../src/spool/journal-writer.ts';
import { SEGMENTS, makeFolders } from '../../src/spool/layout.ts';
import type { JournalKind } from '../../src/spool/record.ts';
import { SegmentReader } from '../../src/spool/segment-reader.ts';
import { type SegmentItem, scanSegment } from '../../src/spool/segment-scan.ts';
import { SegmentWriter } from '../../src/spool/segment-writer.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { contentOf, mail, outcome, sha256 } from './mail.ts';

/** Faults planted to see that the model sees them. */
export interface Planted {
  /** The disk as the writers see it. */
  readonly wrap?: (disk: Disk, fake: FakeDisk) => Disk;
  readonly scan?: (disk: Disk, segment: string) => AsyncIterable<SegmentItem>;
}

interface Known {
  readonly message: Message;
  readonly content: Buffer;
  state: 'pending' | 'acknowledged' | 'refused' | 'damaged';
  location?: Location;
  /** It was not there after a power cut: it may never come back. */
  isGone: boolean;
  settled: 'no' | 'written' | 'synced';
}

interface Life {
  readonly writer: SegmentWriter;
  readonly journal: JournalWriter;
}

const STEPS = 50;
const CODES = ['ENOSPC', 'EDQUOT', 'short', 'EIO', 'EROFS', 'EMFILE'];

export async function runFilesModel(seed: number, planted: Planted = {}): Promise<void> {
  const model = new FilesModel(seed, planted);
  try {
    await model.run();
  } catch (error) {
    if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
    throw error;
  }
}

class FilesModel {
  readonly #random: Random;
  readonly #fake: FakeDisk;
  readonly #planted: Planted;
  readonly #clock = new FakeClock();
  readonly #known = new Map<MessageId, Known>();
  /** Written outcomes in order, as the journal must give them. */
  #outcomes: MessageId[] = [];
  readonly #canDamage: boolean;
  #life: Life | undefined;
  #fullness = 0;

  constructor(seed: number, planted: Planted) {
    this.#random = seededRandom(seed);
    this.#fake = new FakeDisk({ random: this.#random, completion: 'manual' });
    this.#planted = planted;
    this.#canDamage = seed % 3 === 0;
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      if (this.#life === undefined) await this.#start();
      else await this.#step(this.#life);
      await settle();
    }
    this.#fake.powerCut();
    await this.#check(true);
  }

  async #start(): Promise<void> {
    const disk = this.#planted.wrap?.(this.#fake, this.#fake) ?? this.#fake;
    const [random, clock] = [this.#random, this.#clock];
    let isDead = false;
    const die = (): void => {
      isDead = true;
      this.#life = undefined;
      this.#fake.kill();
    };
    const writer = new SegmentWriter({ disk, clock, random, die, writer: 'a', segmentOctets: 16_000 });
    this.#fullness = this.#pick(2);
    const onFull = (): boolean => this.#fullness-- > 0;
    const sizes = { fileOctets: 5000, stepOctets: 1024 };
    const journal = new JournalWriter({ disk, clock, random, die, onFull, ...sizes });
    let started: boolean | undefined;
    const continuation = await this.#continuation();
    makeFolders(disk)
      .then(() => journal.start(continuation))
      .then(
        () => (started = true),
        () => (started = false),
      );
    while (started === undefined && !isDead) {
      this.#fake.completeOne();
      await settle();
    }
    if (started !== true || isDead) return this.#crash();
    this.#life = { writer, journal };
    for (const id of this.#outcomes) this.#known.get(id)!.settled = 'synced';
  }

  /** As a start does it: past some place up to which all is known to be synced, the journal is written anew. */
  async #continuation(): Promise<Continuation | undefined> {
    const records: JournalRecord[] = [];
    for await (const item of scanJournal(this.#fake)) if (item.item === 'event') records.push(item);
    const firstUnsynced = this.#outcomes.findIndex((id) => this.#known.get(id)!.settled === 'written');
    const kept = this.#pick(firstUnsynced < 0 ? records.length : firstUnsynced);
    const [first] = records;
    if (first === undefined) return undefined;
    const copy = async function* (): AsyncGenerator<{ kind: JournalKind; value: unknown }> {
      for (const { event } of records.slice(kept)) yield { kind: 'event', value: event };
    };
    return { previous: records[kept - 1]?.end ?? first.at, copy: copy() };
  }

  async #step(life: Life): Promise<void> {
    const chance = this.#random.next();
    if (chance < 0.35) this.#append(life);
    else if (chance < 0.5) this.#settle(life);
    else if (chance < 0.58) this.#durable(life);
    else if (chance < 0.88) for (let i = this.#pick(3); i >= 0 && this.#fake.completeOne(); i--) await settle();
    else if (chance < 0.91) this.#planFault();
    else if (chance < 0.93) this.#planFull();
    else if (chance < 0.96 && this.#canDamage) await this.#damage();
    else if (chance < 0.98) await this.#crash();
    if (this.#life === undefined) await this.#check(false);
  }

  #append({ writer }: Life): void {
    const content = this.#content();
    const id = newMessageId(this.#clock.now(), this.#random);
    const message = mail(['a@one.example', 'b@two.example'], { id, size: content.length, sha256: sha256(content) });
    const known: Known = { message, content, state: 'pending', isGone: false, settled: 'no' };
    this.#known.set(id, known);
    const cut = this.#pick(content.length + 1);
    const parts = [content.subarray(0, cut), content.subarray(cut)];
    const appended =
      this.#random.next() < 0.2 ? this.#appendStaged(writer, message, parts) : writer.append(message, parts);
    appended.then(
      (location) => {
        known.state = 'acknowledged';
        known.location = location;
      },
      (error: unknown) => {
        assert.ok(error instanceof SpoolFull, String(error));
        known.state = 'refused';
      },
    );
  }

  async #appendStaged(writer: SegmentWriter, message: Message, parts: readonly Buffer[]): Promise<Location> {
    const staged = await writer.stage(message.id);
    for (const part of parts) await staged.write(part);
    return writer.append(message, staged);
  }

  /** Often with the octets of real records in it, of this file and of others. */
  #content(): Buffer {
    const plain = contentOf(this.#pick(4) === 0 ? this.#pick(4000) : this.#pick(300), this.#random);
    const placed = [...this.#known.values()].filter(({ location }) => location !== undefined);
    const location = placed[this.#pick(placed.length)]?.location;
    if (location === undefined || this.#random.next() < 0.5) return plain;
    const path = `${SEGMENTS}/${location.segment}`;
    if (this.#fake.findSize(path) === undefined) return plain;
    const record = this.#fake.bytes(path).slice(location.offset, location.offset + location.length);
    return Buffer.concat([plain, record, plain, record]);
  }

  #settle({ journal }: Life): void {
    const open = [...this.#known.values()].filter(({ state, settled }) => state === 'acknowledged' && settled === 'no');
    const known = open[this.#pick(open.length)];
    if (known === undefined) return;
    journal.write([outcome(known.message, 0, 'delivered')]);
    if (this.#life === undefined) return; // it died of it: nothing was written
    known.settled = 'written';
    this.#outcomes.push(known.message.id);
  }

  #durable({ journal }: Life): void {
    const written = [...this.#known.values()].filter(({ settled }) => settled === 'written');
    void journal.durable().then(() => {
      for (const known of written) known.settled = 'synced';
      assert.ok(journal.unsynced >= 0);
    });
  }

  #planFault(): void {
    const code = CODES[this.#pick(CODES.length)];
    let calls = this.#pick(6);
    this.#fake.fault = ({ name }) => {
      if (code === 'EMFILE' && name !== 'openNew') return undefined;
      return calls-- === 0 ? code : undefined;
    };
  }

  /** Full for some calls: the first write still gets a part of its octets in. */
  #planFull(): void {
    let calls = this.#pick(20) + 4;
    let isFirst = true;
    this.#fake.fault = ({ name, path }) => {
      if ((name !== 'write' && name !== 'openNew') || calls-- <= 0 || !path.startsWith(SEGMENTS)) return undefined;
      if (name === 'openNew' || !isFirst) return 'ENOSPC';
      isFirst = false;
      return 'short';
    };
  }

  /** A bit flips in an acknowledged record, in its header as often as elsewhere. */
  async #damage(): Promise<void> {
    const placed = [...this.#known.values()].filter(({ state, isGone }) => state === 'acknowledged' && !isGone);
    const known = placed[this.#pick(placed.length)];
    if (known?.location === undefined) return;
    const { segment, offset, length } = known.location;
    if (this.#fake.findSize(`${SEGMENTS}/${segment}`) === undefined) return; // the check will say so
    const within = this.#random.next() < 0.5 ? this.#pick(48) : this.#pick(length);
    this.#fake.damage(`${SEGMENTS}/${segment}`, (bytes) => {
      bytes[offset + within]! ^= 1 << this.#pick(8);
    });
    known.state = 'damaged';
    await this.#crash();
  }

  async #crash(): Promise<void> {
    this.#life = undefined;
    const isPowerCut = this.#random.next() < 0.6;
    if (isPowerCut) this.#fake.powerCut();
    else this.#fake.kill();
    await this.#check(isPowerCut);
  }

  async #check(isPowerCut: boolean): Promise<void> {
    await settle();
    await this.#checkSegments(isPowerCut);
    await this.#checkJournal(isPowerCut);
  }

  async #checkSegments(isPowerCut: boolean): Promise<void> {
    const found = new Map<MessageId, Location>();
    const reader = new SegmentReader(this.#fake);
    for (const segment of this.#fake.list(SEGMENTS)) {
      for await (const item of (this.#planted.scan ?? scanSegment)(this.#fake, segment)) {
        if (item.item === 'damaged') assert.ok(!item.wasSynced || this.#canDamage, 'synced octets are damaged');
        if (item.item !== 'record') continue;
        assert.ok(!found.has(item.message.id), 'a record stands twice');
        found.set(item.message.id, item.location);
        const known = this.#known.get(item.message.id);
        assert.ok(known !== undefined, 'a record nobody wrote');
        if (known.location !== undefined) assert.deepEqual(item.location, known.location);
        assert.deepEqual(item.message, known.message);
        const chunks: Uint8Array[] = [];
        for await (const chunk of (await reader.read(item.location)).content()) chunks.push(chunk);
        assert.ok(Buffer.concat(chunks).equals(known.content), 'content is what was given');
      }
    }
    for (const known of this.#known.values()) {
      const isThere = found.has(known.message.id);
      if (known.state === 'acknowledged') assert.ok(isThere, `acknowledged and lost: ${known.message.id}`);
      if (known.state === 'refused') assert.ok(!isThere, `refused and there: ${known.message.id}`);
      if (known.isGone) assert.ok(!isThere, `gone and back: ${known.message.id}`);
      known.isGone ||= isPowerCut && !isThere;
    }
    await reader.close();
  }

  async #checkJournal(isPowerCut: boolean): Promise<void> {
    const read: MessageId[] = [];
    for await (const item of scanJournal(this.#fake)) {
      if (item.item === 'damaged') assert.ok(!item.wasSynced, 'synced octets of the journal are damaged');
      if (item.item === 'event' && item.event.type === 'outcome') read.push(item.event.messageId);
    }
    const there = new Set(read);
    assert.equal(there.size, read.length, 'an outcome stands twice');
    const expected = this.#outcomes.filter((id) => there.has(id));
    assert.deepEqual(read, expected, 'outcomes nobody wrote, or out of order');
    for (const id of this.#outcomes) {
      const known = this.#known.get(id)!;
      if (!there.has(id)) assert.ok(isPowerCut && known.settled !== 'synced', `${known.settled} outcome lost: ${id}`);
      known.settled = there.has(id) ? (isPowerCut ? 'synced' : known.settled) : 'no';
    }
    this.#outcomes = read;
  }

  #pick(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}
