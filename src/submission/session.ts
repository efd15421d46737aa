// One client's conversation as octets: command lines and content in, replies out, deadlines beside. States: waiting for
// a command, receiving a content (#reception), working on an answer (#isWorking: a sync), ended.
import { isAscii } from 'node:buffer';
import type { Timer } from '../base/clock.ts';
import { Deadline } from './deadline.ts';
import { Dialogue, type DialogueHost } from './dialogue.ts';
import type { ListenerState } from './listener-state.ts';
import type { Peer } from './peer.ts';
import { Reception } from './reception.ts';
import type { Shared } from './shared.ts';
import { REPLY, renderReply, type SmtpReply } from './smtp-reply.ts';
import { addressLiteral } from './trace-header.ts';
import type { Transaction } from './transaction.ts';

/** RFC 4954 section 4: an AUTH line may have 12,288 octets; other commands are far below. */
const LINE_OCTETS_MAX = 16 * 1024;
const COMMANDS_PER_TURN = 100;
const LF = 10;
const CR = 13;
const TLS_HANDSHAKE = 22;
const CONTROL = /[\x00-\x1f\x7f]/;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A command line as text, or undefined when it is not UTF-8 or has control characters. */
function readLine(line: Buffer): string | undefined {
  try {
    const text = isAscii(line) ? line.toString('latin1') : decoder.decode(line);
    return CONTROL.test(text) ? undefined : text.trimEnd();
  } catch {
    return undefined;
  }
}

/** One chunk on its way through the session. */
interface Turn {
  readonly chunk: Buffer;
  /** Where the next command or piece of content begins. */
  at: number;
  /** Ms that the client will have for what comes next. */
  left: number;
  commands: number;
}

export class Session implements DialogueHost {
  readonly dialogue: Dialogue;
  readonly #shared: Shared;
  readonly #peer: Peer;
  readonly #literal: string;
  readonly #deadline: Deadline;
  readonly #sessionTimer: Timer;
  #partial: Buffer | undefined;
  #reception: Reception | undefined;
  #isWorking = false;
  /** Said as soon as the answer that is being worked on is out. */
  #lastWord: SmtpReply | undefined;
  #hasEnded = false;
  #sawInput = false;
  #isUpgrading = false;

  constructor(shared: Shared, listener: ListenerState, peer: Peer) {
    this.#shared = shared;
    this.#peer = peer;
    this.#literal = addressLiteral(peer.address);
    this.dialogue = new Dialogue(shared, listener, peer, this);
    const { clock, options } = shared;
    this.#deadline = new Deadline(clock, () => this.#late());
    this.#sessionTimer = clock.after(options.deadlines.sessionMs, () => this.dismiss(REPLY.sessionOver));
  }

  open(): void {
    if (this.#shared.stopping) return this.reply(REPLY.stopping);
    this.#peer.write(`220 ${this.#shared.options.hostName} ESMTP\r\n`);
    this.#deadline.set(this.#shared.options.deadlines.commandMs);
  }

  /** Content is on its way or waits for its sync: an orderly stop gives it time. */
  get isReceiving(): boolean {
    return this.#reception !== undefined;
  }

  /** Ends the session with `word` at once, or after the answer that is being worked on. */
  dismiss(word: SmtpReply): void {
    if (this.#isWorking) this.#lastWord = word;
    else this.reply(word);
  }

  reply(value: SmtpReply): void {
    if (this.#hasEnded) return;
    this.#peer.write(renderReply(value));
    if (value.code >= 400) {
      const { refused } = this.#shared.counts;
      const key = `${value.code} ${value.enhanced ?? ''}`;
      refused[key] = (refused[key] ?? 0) + 1;
    }
    if (value.closes === true) {
      this.#finish();
      this.#peer.end();
    }
  }

  receive(transaction: Transaction): void {
    if (this.#hasEnded) return;
    const { hello, isAuthenticated } = this.dialogue;
    this.#reception = new Reception(this.#shared, transaction, {
      helloName: hello.name,
      isExtended: hello.isExtended,
      literal: this.#literal,
      isSecure: this.#peer.isSecure,
      isAuthenticated,
      holder: this.#peer.id,
    });
    this.reply(REPLY.goAhead);
  }

  startTls(): void {
    this.reply(REPLY.startTls);
    this.#isUpgrading = true;
    this.#peer.startTls();
  }

  secured(): void {
    this.#isUpgrading = false;
    this.#partial = undefined;
    this.dialogue.secured();
    this.#deadline.set(this.#shared.options.deadlines.commandMs);
  }

  /** The connection is gone. What waits for its sync is finished all the same. */
  closed(): void {
    this.#finish();
  }

  /** Takes what came, at once where nothing must be waited for; more comes only after it resolved. */
  input(chunk: Buffer): void | Promise<void> {
    const turn: Turn = { chunk, at: 0, left: this.#deadline.hold(), commands: 0 };
    if (!this.#sawInput && chunk[0] === TLS_HANDSHAKE) this.reply({ ...REPLY.unknownCommand, closes: true });
    this.#sawInput = true;
    return this.#take(turn);
  }

  #take(turn: Turn): void | Promise<void> {
    while (turn.at < turn.chunk.length && !this.#hasEnded && !this.#isUpgrading) {
      const wait = this.#peer.mustDrain ? this.#drain() : this.#next(turn);
      if (wait !== undefined) return wait.then(() => this.#take(turn));
    }
    if (this.#hasEnded) return;
    this.#deadline.set(this.#isUpgrading ? this.#shared.options.deadlines.handshakeMs : turn.left);
  }

  #next(turn: Turn): void | Promise<void> {
    return this.#reception === undefined ? this.#takeLine(turn) : this.#takeContent(turn, this.#reception);
  }

  #takeLine(turn: Turn): void | Promise<void> {
    const { chunk, at } = turn;
    const lf = chunk.indexOf(LF, at);
    turn.at = lf === -1 ? chunk.length : lf + 1;
    if (lf !== -1) turn.left = this.#shared.options.deadlines.commandMs;
    const pending = this.#octets(chunk.subarray(at, turn.at), lf !== -1, turn.at < chunk.length);
    if (lf === -1 || ++turn.commands % COMMANDS_PER_TURN !== 0) return pending;
    return pending === undefined ? this.#peer.yield() : pending.then(() => this.#peer.yield());
  }

  #takeContent(turn: Turn, reception: Reception): void | Promise<void> {
    const { chunk, at } = turn;
    const used = this.#content(reception, at === 0 ? chunk : chunk.subarray(at));
    if (typeof used === 'number') return this.#used(turn, reception, used);
    return used.then((octets) => this.#used(turn, reception, octets));
  }

  #used(turn: Turn, reception: Reception, octets: number): void {
    const { dataRate, commandMs } = this.#shared.options.deadlines;
    turn.at += octets;
    turn.left = this.#reception === reception ? Math.min(turn.left + (octets * 1000) / dataRate, commandMs) : commandMs;
  }

  #late(): void {
    if (this.#isUpgrading) this.#peer.destroy();
    else this.reply(this.#reception === undefined ? REPLY.timeout : REPLY.tooSlow);
  }

  /** A client that sends without reading replies has the time of a command to begin. */
  async #drain(): Promise<void> {
    this.#deadline.set(this.#shared.options.deadlines.commandMs);
    await this.#peer.drained();
    this.#deadline.hold();
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#partial = undefined;
    this.#deadline.cancel();
    this.#sessionTimer.cancel();
    const reception = this.#reception;
    if (reception === undefined || this.#isWorking) return;
    this.#reception = undefined;
    reception.abandon().catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#shared.log.error({ session: this.#peer.id, error }, 'session failed');
    this.#peer.destroy();
  }

  /** Octets of content. Returns how many were used. */
  #content(reception: Reception, octets: Buffer): number | Promise<number> {
    const end = reception.feed(octets);
    if (typeof end !== 'number') {
      this.reply(end);
      return octets.length;
    }
    if (end !== -1) return this.#work(reception, () => this.#answer(reception)).then(() => end);
    if (!reception.isUnsettled) return octets.length;
    return this.#work(reception, () => reception.settle()).then(() => octets.length);
  }

  async #work(reception: Reception, work: () => Promise<void>): Promise<void> {
    this.#isWorking = true;
    try {
      await work();
    } catch (error) {
      // Not known whether the record is durable: silence, and the client tries again.
      this.#failed(error);
      this.#hasEnded = true;
    }
    this.#isWorking = false;
    if (this.#hasEnded) await reception.abandon();
    else if (this.#lastWord !== undefined) this.reply(this.#lastWord);
  }

  async #answer(reception: Reception): Promise<void> {
    const answer = await reception.finish();
    this.#reception = undefined;
    try {
      this.#tell(answer);
    } finally {
      reception.handOver();
    }
  }

  #tell(answer: SmtpReply): void {
    this.dialogue.endTransaction(answer.code === 250);
    const fields = { session: this.#peer.id, address: this.#peer.address, code: answer.code, text: answer.text };
    // A line for each message would cost more than the message; its outcome stands in the journal.
    if (answer.code === 250) this.#shared.log.debug(fields, 'message accepted');
    else this.#shared.log.info(fields, 'message refused');
    this.reply(answer);
    // The client waits for it, the scheduler's work does not.
    this.#peer.flush();
  }

  /** Octets of a command line, up to and with its LF when `isWhole`. */
  #octets(octets: Buffer, isWhole: boolean, hasMore: boolean): void | Promise<void> {
    const all = this.#partial === undefined ? octets : Buffer.concat([this.#partial, octets]);
    if (all.length > LINE_OCTETS_MAX) return this.reply(REPLY.lineTooLong);
    this.#partial = isWhole ? undefined : all;
    if (!isWhole) return undefined;
    if (all[all.length - 2] !== CR) return this.reply(REPLY.bareLfInCommand);
    return this.dialogue.command(readLine(all.subarray(0, -2)), hasMore);
  }
}
