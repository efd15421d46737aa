// The whole disk spool and a submission process's writer beside it, against a ledger in memory. One seed is one history
// of accepts, outcomes, checkpoints, keeper's rounds, faults, lone deaths, kills and power cuts, on a disk that keeps
// only what it must and an index whose commits take their time; after each start everything is compared.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Accepted } from '../../src/flow/message.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import { SpoolFull } from '../../src/flow/spool.ts';
import { type Disk, codeOf } from '../../src/spool/disk.ts';
import { type DiskSpool, openDiskSpool } from '../../src/spool/disk-spool.ts';
import { createMemoryIndex, type MemoryIndex } from '../../src/spool/memory-index.ts';
import { rebuildIndex } from '../../src/spool/offline.ts';
import type { RecoveryRules } from '../../src/spool/recovery.ts';
import { SegmentWriter } from '../../src/spool/segment-writer.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { HOUR, T0, contentOf, mail, outcome, sha256 } from './mail.ts';
import { mortal, type Mortal } from './mortal-disk.ts';
import { contents } from './offline-contents.ts';
import { type Known, Ledger, now } from './spool-ledger.ts';

/** Faults planted to see that the model sees them. */
export interface PlantedInSpool {
  readonly rules?: RecoveryRules;
  readonly wrap?: (disk: Disk) => Disk;
}

interface Writing extends Mortal {
  readonly writer: SegmentWriter;
}

interface Running extends Mortal {
  readonly spool: DiskSpool;
  readonly clock: FakeClock;
}

const STEPS = 90;
const DOMAINS = ['one.example', 'two.example'];

export async function runSpoolModel(seed: number, planted: PlantedInSpool = {}): Promise<void> {
  const model = new SpoolModel(seed, planted);
  try {
    await model.run();
  } catch (error) {
    if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
    throw error;
  }
}

class SpoolModel {
  readonly #random: Random;
  readonly #fake: FakeDisk;
  readonly #planted: PlantedInSpool;
  readonly #ledger = new Ledger();
  #index: MemoryIndex;
  #commits: (() => void)[] = [];
  #writing: Writing | undefined;
  #running: Running | undefined;
  /** Acknowledged by the writer, not told yet. */
  #untold: Accepted[] = [];
  #closedSegments: string[] = [];
  #now = T0;
  /** Of what was not awaited. */
  #failure: unknown;
  #keys = 0;
  /** Appends of the living writer that have not settled. */
  #appending = 0;

  constructor(seed: number, planted: PlantedInSpool) {
    this.#random = seededRandom(seed);
    this.#fake = new FakeDisk({ random: this.#random, completion: 'manual' });
    this.#planted = planted;
    this.#index = createMemoryIndex(() => new Promise((resolve) => this.#commits.push(resolve)));
  }

  async run(): Promise<void> {
    await this.#startAll(false);
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      await settle();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#running?.isDead !== false) await this.#restart();
      if (step % 8 === 0 && this.#running !== undefined) this.#ledger.compare(this.#running.spool);
    }
    await this.#crash(true);
    await this.#closeAndStart();
    await this.#compareRebuilt();
  }

  /** What the files say is what the index says. */
  async #compareRebuilt(): Promise<void> {
    if (this.#running?.isDead !== false || this.#writing?.isDead !== false) return;
    this.#fake.fault = () => undefined;
    let isClosed = false;
    void this.#running.spool.close().then(() => (isClosed = true));
    await this.#pump(() => isClosed);
    const options = { root: '/nowhere', clock: new FakeClock(this.#now), disk: this.#fake, index: this.#index };
    const before = await this.#pumped(contents(options, false));
    await this.#pumped(rebuildIndex(options));
    assert.deepEqual(await this.#pumped(contents(options, false)), before, 'rebuilt');
  }

  async #pumped<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const done = promise.finally(() => (isDone = true));
    while (!isDone) await this.#turn();
    return done;
  }

  // ── lives ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Until it has started; a fault on the way is a crash, and it starts again. */
  async #startAll(wasPowerCut: boolean): Promise<void> {
    let isPowerCut = wasPowerCut;
    for (;;) {
      const running = await this.#tryStart();
      if (running !== undefined) {
        this.#running = running;
        this.#ledger.adopt(running.spool, isPowerCut, this.#writing !== undefined);
        await this.#ledger.read(running.spool, this.#fake);
        this.#writing ??= this.#newWriter();
        return;
      }
      isPowerCut = this.#cut(this.#random.next() < 0.5) || isPowerCut;
    }
  }

  async #tryStart(): Promise<Running | undefined> {
    const [random, clock] = [this.#random, new FakeClock(this.#now)];
    const life = mortal(this.#planted.wrap?.(this.#fake) ?? this.#fake);
    const spool = openDiskSpool(
      {
        root: '/nowhere',
        historyMs: HOUR,
        checkpointChanges: 5,
        journalStepOctets: 4096,
        journalFileOctets: 24_000,
        ballastOctets: 0,
      },
      {
        clock,
        random,
        log: silentLog,
        disk: life.disk,
        index: this.#index,
        die: () => life.die(),
        ...(this.#planted.rules && { rules: this.#planted.rules }),
      },
    );
    const open = this.#writing && (this.#writing.writer.open === undefined ? [] : [this.#writing.writer.open]);
    let isStarted = false;
    spool.start(open).then(
      () => (isStarted = true),
      (error: unknown) => {
        // The disk refused: the process ends, and starts again.
        if (codeOf(error) === 'unknown') this.#failure ??= error;
        life.die();
      },
    );
    const patience = this.#random.next() < 0.15 ? this.#pick(60) : Infinity;
    for (let turns = 0; !isStarted && !life.isDead; turns++) {
      if (turns > patience) life.die();
      this.#complete();
      await settle();
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (life.isDead) return undefined;
    return withMortal(life, { spool, clock });
  }

  #newWriter(): Writing {
    this.#appending = 0;
    const life = mortal(this.#fake);
    const writer = new SegmentWriter({
      disk: life.disk,
      clock: new FakeClock(this.#now),
      random: this.#random,
      die: () => life.die(),
      writer: 'submission-1',
      segmentOctets: 6000,
      onClosed: (name) => void (life.isDead || this.#closedSegments.push(name)),
    });
    return withMortal(life, { writer });
  }

  /** Everything ends. Returns whether the power went. */
  #cut(isPowerCut: boolean): boolean {
    this.#running?.die();
    this.#writing?.die();
    this.#running = undefined;
    this.#writing = undefined;
    this.#untold = [];
    this.#closedSegments = [];
    if (isPowerCut) this.#fake.powerCut();
    else this.#fake.kill();
    this.#commits = [];
    this.#index = this.#index.powerCut(this.#random.next() < 0.5);
    return isPowerCut;
  }

  async #crash(isPowerCut: boolean): Promise<void> {
    await this.#startAll(this.#cut(isPowerCut));
  }

  /** The spool is dead: alone, or with everything. */
  async #restart(): Promise<void> {
    this.#running = undefined;
    if (this.#writing?.isDead !== false || this.#random.next() < 0.4) return this.#crash(this.#random.next() < 0.6);
    this.#commits = [];
    this.#index = this.#index.powerCut(this.#random.next() < 0.5);
    this.#closedSegments = [];
    await this.#startAll(false);
  }

  async #closeAndStart(): Promise<void> {
    const { spool } = this.#running!;
    await this.#pump(() => this.#appending === 0);
    if (this.#running?.isDead !== false || this.#writing?.isDead !== false) return;
    this.#tellAll();
    let isClosed = false;
    const closing = this.#writing!.writer.close().then(() => {
      this.#tellAll();
      return spool.close();
    });
    void closing.then(() => (isClosed = true));
    await this.#pump(() => isClosed);
    if (!isClosed) return this.#writing?.die();
    const before = this.#fake.list('segments').length;
    this.#cut(false);
    await this.#startAll(false);
    assert.ok(this.#fake.list('segments').length <= before, 'nothing is written anew after an orderly stop');
  }

  async #pump(isDone: () => boolean): Promise<void> {
    while (!isDone() && this.#running?.isDead === false && this.#writing?.isDead === false) {
      this.#complete();
      await settle();
    }
  }

  #complete(): void {
    const isCommit = this.#commits.length > 0 && this.#random.next() < 0.4;
    if (isCommit || !this.#fake.completeOne()) this.#commits.shift()?.();
  }

  // ── steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #step(): Promise<void> {
    const { spool, clock } = this.#running!;
    const chance = this.#random.next();
    if (chance < 0.2) this.#append();
    else if (chance < 0.3) this.#tellOne();
    else if (chance < 0.5) this.#record();
    else if (chance < 0.55) void spool.durable().then(this.#ledger.syncPoint());
    else if (chance < 0.58) void spool.checkpoint();
    else if (chance < 0.62) void spool.keep();
    else if (chance < 0.637) await this.#keepAndSettle();
    else if (chance < 0.65) await this.#advance(clock);
    else if (chance < 0.68) this.#state();
    else if (chance < 0.92) for (let i = this.#pick(6); i >= 0; i--) await this.#turn();
    else if (chance < 0.94) this.#planFault();
    else if (chance < 0.955) await this.#writerDies();
    else if (chance < 0.97) this.#running!.die();
    else if (chance < 0.98) await this.#closeAndStart();
    else await this.#crash(this.#random.next() < 0.6);
  }

  /** Outcomes and a checkpoint while the keeper copies, and often the end. */
  async #keepAndSettle(): Promise<void> {
    const { spool } = this.#running!;
    void spool.keep();
    for (let i = this.#pick(8); i >= 0; i--) await this.#turn();
    const count = this.#random.next() < 0.5 ? 4 : 100;
    for (let i = 0; i < count && !this.#running!.isDead; i++) this.#record();
    void spool.checkpoint();
    for (let i = this.#pick(30); i >= 0; i--) await this.#turn();
    if (!this.#running!.isDead && this.#random.next() < 0.4) await this.#crash(this.#random.next() < 0.4);
  }

  async #turn(): Promise<void> {
    this.#complete();
    await settle();
  }

  #append(): void {
    const writing = this.#writing!;
    const content = contentOf(this.#pick(5) === 0 ? this.#pick(3000) : this.#pick(200), this.#random);
    const to = Array.from({ length: 1 + this.#pick(3) }, (_, at) => `r${at}@${DOMAINS[this.#pick(2)]}`);
    const message = mail(to, {
      id: newMessageId(this.#now, this.#random),
      acceptedAt: this.#now,
      size: content.length,
      sha256: sha256(content),
      ...(this.#pick(4) === 0 && { idempotencyKey: `k${this.#keys++}` }),
    });
    const known = this.#ledger.add(message, content);
    const isStaged = this.#random.next() < 0.15;
    const appended = isStaged ? stageAndAppend(writing.writer, known) : writing.writer.append(message, [content]);
    this.#appending++;
    appended.then(
      (location) => {
        if (writing.isDead || known.state !== 'pending') return;
        this.#appending--;
        known.state = 'acknowledged';
        this.#untold.push({ message, location });
      },
      (error: unknown) => {
        if (writing.isDead) return;
        this.#appending--;
        if (!(error instanceof SpoolFull)) this.#failure ??= error;
        known.state = 'refused';
      },
    );
  }

  #tellOne(): void {
    // Nearly in order, as sessions tell.
    const [accepted] = this.#untold.splice(this.#pick(Math.min(this.#untold.length, 2)), 1);
    if (accepted !== undefined) this.#tell(accepted);
    else if (this.#writing!.writer.open !== undefined || this.#closedSegments.length > 0) this.#tellAll();
  }

  #tell(accepted: Accepted): void {
    this.#running!.spool.accept(accepted);
    if (this.#running!.isDead) return;
    this.#ledger.known.get(accepted.message.id)!.isTold = true;
    if (this.#random.next() < 0.2) this.#running!.spool.accept(accepted);
  }

  #tellAll(): void {
    for (const accepted of this.#untold.splice(0)) this.#tell(accepted);
    for (const name of this.#closedSegments.splice(0)) this.#running!.spool.segmentClosed(name);
  }

  #record(): void {
    const { spool } = this.#running!;
    const waiting = this.#ledger.waiting();
    for (let count = 1 + this.#pick(3); count > 0 && waiting.length > 0; count--) {
      const [{ known, index }] = waiting.splice(this.#pick(waiting.length), 1) as [(typeof waiting)[number]];
      const delivery = known.deliveries[index]!;
      const isOver = this.#random.next() < 0.65;
      const attempts = now(delivery).attempts + 1;
      const dueAt = this.#now + this.#pick(1000);
      const changes = isOver ? { attempts } : { attempts, nextAttemptAt: dueAt };
      const written = spool.record([outcome(known.message, index, isOver ? 'delivered' : 'deferred', changes)]);
      if (this.#running!.isDead) return;
      assert.deepEqual(written, [true]);
      delivery.unsure.push({ isOver, dueAt, attempts });
    }
  }

  #state(): void {
    const key = `s/${this.#pick(3)}`;
    const value = this.#random.next() < 0.3 ? undefined : this.#pick(1000);
    const at = this.#now;
    this.#running!.spool.record([{ type: 'state', at, key, by: 'model', ...(value !== undefined && { value }) }]);
    if (this.#running!.isDead) return;
    const entry = this.#ledger.states.get(key) ?? { sure: { value: undefined }, unsure: [] };
    entry.unsure.push({ value });
    this.#ledger.states.set(key, entry);
  }

  async #advance(clock: FakeClock): Promise<void> {
    const ms = this.#random.next() < 0.2 ? 2 * HOUR : 700;
    this.#now += ms;
    // Only what is due now runs at once; the rest in later steps.
    await clock.advance(ms);
  }

  #planFault(): void {
    let calls = this.#pick(12);
    const code = ['EIO', 'ENOSPC', 'short', 'EIO'][this.#pick(4)];
    this.#fake.fault = ({ name, path }) => {
      if (code !== 'EIO' && (name !== 'write' || !path.startsWith('segments'))) return undefined;
      if (calls-- !== 0) return undefined;
      if (name === 'fdatasync') this.#ledger.unsynced.add(basename(path));
      return code;
    };
  }

  /** Alone: the spool reads what it left. */
  async #writerDies(): Promise<void> {
    if (this.#random.next() < 0.5) this.#tellAll();
    this.#writing!.die();
    // What was on its way to the spool died with it.
    this.#untold = [];
    this.#closedSegments = [];
    let isAdopted = false;
    this.#running!.spool.adopt('submission-1').then(
      () => (isAdopted = true),
      (error: unknown) => {
        if (this.#running?.isDead === false) this.#failure ??= error;
      },
    );
    while (!isAdopted && !this.#running!.isDead && this.#failure === undefined) await this.#turn();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#running!.isDead) return;
    for (const known of this.#ledger.known.values()) {
      if (known.state === 'acknowledged') known.isTold = true;
      if (known.state === 'pending') this.#ledger.settle(known, this.#running!.spool);
    }
    this.#ledger.compare(this.#running!.spool);
    this.#writing = this.#newWriter();
  }

  #pick(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}

async function stageAndAppend(writer: SegmentWriter, { message, content }: Known): ReturnType<SegmentWriter['append']> {
  const staged = await writer.stage(message.id);
  await staged.write(content);
  return writer.append(message, staged);
}

/** Keeps `isDead` what it is: a getter. */
function withMortal<T extends object>(life: Mortal, parts: T): Mortal & T {
  return Object.assign(life, parts);
}
