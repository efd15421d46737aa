// Egress against servers that do anything at any moment, in memory and on a clock that stands still: whatever happens,
// every attempt comes back exactly once, every session closes exactly once, and no timer is left.
import assert from 'node:assert/strict';
import { seededRandom, type Random } from '../../src/base/random.ts';
import type { AttemptError } from '../../src/flow/attempt.ts';
import type { Dialer, Target, Wire, WireListener } from '../../src/net/wire.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { grantTo, recipient, relayTo, startStage } from './stage.ts';

const EHLO = ['250 mx\r\n', '250-mx\r\n250 PIPELINING\r\n', '250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n'];
const NOISE = [
  '250 ok\r\n',
  '354 go\r\n',
  '421 bye\r\n',
  '450 later\r\n',
  '550 no\r\n',
  '250-',
  'noise\r\n',
  '220 x\r\n250 y\r\n',
];

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random.next() * from.length)] as T;
}

/** A connection to a server that answers by chance: mostly as it should, sometimes anything. */
class ChanceWire implements Wire {
  readonly #listener: WireListener;
  readonly #random: Random;
  /** Of 1: how often it misbehaves. */
  readonly #malice: number;
  #inContent = false;
  #text = '';
  #isOver = false;
  /** Messages whose final dot was answered 250. */
  readonly accepted: string[];

  constructor(listener: WireListener, random: Random, malice: number, accepted: string[]) {
    this.#listener = listener;
    this.#random = random;
    this.#malice = malice;
    this.accepted = accepted;
    this.#later(() => {
      if (random.next() < malice) return this.#close({ kind: 'refused', text: 'refused' });
      listener.connected();
      this.#answer('220 mx\r\n');
    });
  }

  #later(run: () => void): void {
    setImmediate(() => {
      if (!this.#isOver) run();
    });
  }

  #close(error?: AttemptError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (error === undefined) this.#listener.closed();
    else this.#listener.closed(error);
  }

  #say(text: string): void {
    const octets = Buffer.from(text);
    // In two cuts, so that replies come in pieces.
    const cut = Math.floor(this.#random.next() * octets.length);
    this.#later(() => this.#listener.octets(octets.subarray(0, cut)));
    this.#later(() => this.#listener.octets(octets.subarray(cut)));
  }

  #answer(text: string): void {
    if (this.#random.next() >= this.#malice) return this.#say(text);
    switch (Math.floor(this.#random.next() * 5)) {
      case 0:
        return this.#later(() => this.#listener.ended());
      case 1:
        return this.#later(() => this.#close({ kind: 'closed', text: 'reset' }));
      case 2:
        return; // silence
      default:
        return this.#say(pick(this.#random, NOISE));
    }
  }

  send(text: string): void {
    this.#text += text;
    for (;;) {
      const mark = this.#inContent ? '\r\n.\r\n' : '\r\n';
      const end = this.#text.indexOf(mark);
      if (end === -1) return;
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + mark.length);
      if (this.#inContent) {
        this.#inContent = false;
        this.accepted.push(line);
        this.#answer('250 queued\r\n');
      } else if (line.startsWith('EHLO')) this.#answer(pick(this.#random, EHLO));
      else if (line === 'DATA') {
        this.#inContent = true;
        this.#answer('354 go\r\n');
      } else if (line === 'STARTTLS') this.#answer('220 go\r\n');
      else if (line === 'QUIT') this.#answer('221 bye\r\n');
      else this.#answer('250 ok\r\n');
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    this.send(Buffer.concat(chunks).toString('latin1'));
    if (this.#random.next() < 0.5) return true;
    this.#later(() => this.#listener.drained());
    return false;
  }

  secure(): void {
    this.#later(() => {
      if (this.#random.next() < this.#malice) return this.#close({ kind: 'tls', text: 'handshake' });
      this.#listener.secured({ version: 'TLSv1.3', cipher: 'x', reused: false, isVerified: false });
    });
  }

  end(): void {
    this.#later(() => {
      if (this.#random.next() < 0.5) this.#listener.ended();
      this.#later(() => this.#close());
    });
  }

  destroy(): void {
    this.#later(() => this.#close());
  }
}

async function play(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const clock = new FakeClock();
  const malice = pick(random, [0, 0.02, 0.1, 0.4]);
  const accepted: string[] = [];
  const dialer: Dialer = {
    dial: (_: Target, listener: WireListener) => new ChanceWire(listener, random, malice, accepted),
  };
  const stage = startStage({ wholeOctetsMax: 100 }, { dialer, random }, clock);
  const { commands } = stage.egress;
  const given = new Map<string, number>();
  let late = 0;
  const closing = new Set<string>();
  const tooLate = new Set<string>();
  const forwardPaths = ['a@example.net', 'b@example.net'].map((one) => recipient(one));
  for (let turn = 0; turn < 30; turn++) {
    const session = `s${turn % 5}`;
    if (turn < 5) commands.open(grantTo(0, { session, relay: relayTo([1, 2]) }));
    if (random.next() < 0.8) {
      const id = `m${turn}`;
      const content = `X: ${id}\r\n\r\n${'y'.repeat(random.next() < 0.5 ? 10 : 500)}\r\n`;
      if (stage.closed.some((closed) => closed.session === session)) late++;
      commands.deliver(session, stage.attempt(id, content, { forwardPaths }));
      given.set(`a-${id}`, 0);
      if (closing.has(session)) tooLate.add(`a-${id}`);
    }
    if (random.next() < 0.1) commands.recall(session);
    if (random.next() < 0.1) {
      commands.close(session);
      closing.add(session);
    }
    for (let wait = Math.floor(random.next() * 20); wait > 0; wait--) await settle();
    if (random.next() < 0.3) await clock.advance(random.next() * 20_000);
  }
  const stopped = stage.egress.stop();
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  for (let turn = 0; !isStopped && turn < 2000; turn++) {
    await settle();
    if (turn % 20 === 19) await clock.advance(1000);
  }
  assert.ok(isStopped, 'stop did not end');
  await settle();

  for (const { attempt, results, mayHaveBeenDelivered } of stage.reports) {
    given.set(attempt, (given.get(attempt) ?? NaN) + 1);
    assert.ok(!tooLate.has(attempt), `${attempt} was begun on a session that was told to close`);
    assert.equal(results.length, 2);
    const isAccepted = accepted.some((content) => content.startsWith(`X: ${attempt.slice(2)}\r\n`));
    const isDelivered = results.some(
      ({ reply, decidedAt }) => decidedAt === 'dot' && reply !== undefined && reply.code < 300,
    );
    if (isDelivered) assert.ok(isAccepted, `${attempt} was reported delivered and never arrived`);
    if (isAccepted) {
      const isRefused = results.every(({ reply }) => reply !== undefined && reply.code >= 400);
      assert.ok(isDelivered || mayHaveBeenDelivered || isRefused, `${attempt} arrived and was called undelivered`);
    }
  }
  for (const id of [...stage.closed, ...stage.returned].flatMap(({ notBegun }) => notBegun)) {
    given.set(id, (given.get(id) ?? NaN) + 1);
    const isAccepted = accepted.some((content) => content.startsWith(`X: ${id.slice(2)}\r\n`));
    assert.ok(!isAccepted, `${id} arrived and was given back as not begun`);
  }
  for (const [id, times] of given) assert.equal(times, 1, `${id} came back ${times} times`);
  // Once for each session, and once for each attempt that crossed it.
  assert.equal(stage.closed.length, 5 + late);
  assert.equal(clock.pending, 0, 'a timer is left');
  assert.deepEqual(stage.egress.hello().held, []);
}

/** Throws with the seed in its message. */
export async function playSeeds(from: number, to: number): Promise<void> {
  for (let seed = from; seed <= to; seed++) {
    try {
      await play(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}
