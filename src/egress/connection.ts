// Drives one connection: octets to replies, replies to the state machine of src/smtp, its effects to the wire. Holds
// the deadlines. Knows nothing of queues, hosts or reports.
import type { Clock } from '../base/clock.ts';
import type { AttemptError } from '../flow/attempt.ts';
import type { Phase, Reply } from '../flow/reply.ts';
import {
  canBegin,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  outstanding,
  startSecured,
  step,
} from '../smtp/client-session.ts';
import { ReplyParser } from '../smtp/reply-parser.ts';
import type { Dialer, Target, Wire, WireTls } from '../net/wire.ts';
import { sendContent } from './content.ts';
import { Deadline } from './deadline.ts';
import type { EgressOptions } from './options.ts';
import type { Payload } from './payload.ts';
import { Transcript } from './transcript.ts';

export type Settled = ClientEffect & { readonly do: 'settled' };

/** Wall-clock instants of the present transaction. */
export interface Steps {
  mail?: number;
  data?: number;
  dot?: number;
}

/** Whoever holds the connection. Called in the order of events; `closed` is the last. */
export interface ConnectionOwner {
  /** No transaction can begin on it; `closed` follows. */
  failed(phase: Phase, why: { readonly error?: AttemptError; readonly reply?: Reply }): void;
  settled(settled: Settled, steps: Steps): void;
  unbegun(): void;
  /** A transaction can begin: now, by `begin`, or later. */
  ready(): void;
  /** The peer's close was seen, or we have waited for it long enough. */
  closed(): void;
}

export class Connection {
  readonly #options: EgressOptions;
  readonly #clock: Clock;
  readonly #owner: ConnectionOwner;
  readonly #target: Target;
  readonly #wire: Wire;
  readonly #parser: ReplyParser;
  readonly #deadline: Deadline;
  #state: ClientState;
  #payload: Payload | undefined;
  #steps: Steps = {};
  #mode: 'connecting' | 'open' | 'closing' | 'closed' = 'connecting';
  /** Monotonic instant at which the present envelope must have ended. */
  #envelopeUntil = Infinity;
  /** The same for its content. */
  #contentUntil = Infinity;
  #isPeerClosed = false;
  /** We closed without waiting for the peer. */
  #isCut = false;
  /** More than the reply at hand was read with it. */
  #hasMore = false;
  #drained: (() => void) | undefined;
  readonly transcript: Transcript;
  /** Wall clock. */
  connectedAt: number | undefined;
  tls: WireTls | undefined;
  /** What was offered does not matter: it stays plain. */
  isPlain = false;
  /** The peer closed between transactions: its right (RFC 5321 section 3.8). */
  isPeersEnd = false;

  constructor(
    dialer: Dialer,
    target: Target,
    state: ClientState,
    options: EgressOptions,
    clock: Clock,
    owner: ConnectionOwner,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.transcript = new Transcript(clock);
    this.#owner = owner;
    this.#target = target;
    this.#state = state;
    this.#parser = new ReplyParser(options.replies);
    this.#deadline = new Deadline(clock, () => this.#expired());
    this.#wire = dialer.dial(target, {
      connected: () => this.#connected(),
      octets: (octets) => this.#octets(octets),
      secured: (facts) => this.#secured(facts),
      drained: () => this.#release(),
      ended: () => this.#ended(),
      closed: (error) => this.#closed(error),
    });
  }

  get state(): ClientState {
    return this.#state;
  }

  get canBegin(): boolean {
    return this.#mode === 'open' && canBegin(this.#state);
  }

  /** Only when `canBegin`. */
  begin(payload: Payload): void {
    this.#payload = payload;
    this.#steps = { mail: this.#clock.now() };
    this.transcript.begin();
    this.#envelopeUntil = this.#clock.monotonic() + this.#options.timeouts.envelopeMs;
    this.#apply({ on: 'begin', transaction: payload.transaction });
    this.#settle();
  }

  /** QUIT, when nothing is open; otherwise the connection is dropped. */
  quit(): void {
    if (this.#mode === 'open') this.#apply({ on: 'quit' });
    else this.#abort();
    this.#settle();
  }

  /** Drops the connection whatever is open. */
  drop(error: AttemptError): void {
    if (this.#mode === 'open') this.#apply({ on: 'lost', error });
    else this.#abort();
  }

  // ── from the wire ───────────────────────────────────────────────────────────────────────────────────────────────

  #connected(): void {
    this.#mode = 'open';
    this.connectedAt = this.#clock.now();
    const { greetingMs, startTlsMs } = this.#options.timeouts;
    this.#deadline.set(this.#target.isImplicitTls ? startTlsMs : greetingMs);
  }

  #secured(facts: WireTls): void {
    this.tls = facts;
    this.transcript.noted(`${facts.version} ${facts.cipher}`);
    const security = facts.isVerified ? 'verified' : 'encrypted';
    if (this.#state.now.at === 'handshake') this.#apply({ on: 'secured', security });
    else {
      this.#state = startSecured(this.#state, security);
      this.#deadline.set(this.#options.timeouts.greetingMs);
    }
  }

  #octets(octets: Buffer): void {
    if (this.#mode !== 'open') return;
    const { replies, trouble } = this.#parser.feed(octets);
    const due = outstanding(this.#state);
    this.#hasMore = replies.length > due || this.#parser.partial || trouble !== undefined;
    for (const [at, reply] of replies.entries()) {
      this.#apply(at < due ? { on: 'reply', reply } : { on: 'unsolicited', reply });
    }
    if (trouble !== undefined) this.#apply({ on: 'lost', error: { kind: 'protocol', text: trouble } });
    this.#settle();
  }

  #ended(): void {
    this.#isPeerClosed = true;
    if (this.#mode === 'open') this.#apply({ on: 'lost', error: { kind: 'closed', text: 'the peer closed' } });
    else if (this.#mode === 'closing') this.#wire.end();
  }

  #closed(error: AttemptError | undefined): void {
    if (this.#mode === 'connecting') {
      this.#mode = 'closing';
      this.#isPeerClosed = true;
      this.#owner.failed('connect', { error: error ?? { kind: 'refused', text: 'closed before it was open' } });
    } else if (this.#mode === 'open') {
      this.#isPeerClosed = true;
      const lost: AttemptError = error ?? { kind: 'closed', text: 'the connection closed' };
      // A reset instead of a greeting says no more than a refused connection.
      const isRefused = this.#state.now.at === 'greeting' && lost.kind === 'closed';
      this.#apply({ on: 'lost', error: isRefused ? { ...lost, kind: 'refused' } : lost });
    }
    // Unless we cut it off ourselves, both sides have closed.
    if (this.#isPeerClosed || !this.#isCut) this.#finish();
  }

  #finish(): void {
    if (this.#mode === 'closed') return;
    this.#mode = 'closed';
    this.#deadline.stop();
    this.#release();
    this.#owner.closed();
  }

  // ── the machine ─────────────────────────────────────────────────────────────────────────────────────────────────

  #apply(event: ClientEvent): void {
    const before = this.#state.now.at;
    if (event.on === 'reply' || event.on === 'unsolicited') this.transcript.heard(event.reply);
    else if (event.on === 'lost') this.transcript.noted(event.error.text);
    const { state, effects } = step(this.#state, event);
    this.#state = state;
    if (before === 'ready' && state.now.at === 'over') this.isPeersEnd = isClose(event);
    for (const effect of effects) this.#run(effect);
    if (this.#mode === 'open') this.#setDeadline();
  }

  /** After all that was read has been used: so that what begins now is not answered by what was read before. */
  #settle(): void {
    if (this.canBegin) this.#owner.ready();
  }

  #run(effect: ClientEffect): void {
    switch (effect.do) {
      case 'send':
        // What is sent on the way into or within AUTH is a secret.
        this.transcript.sent(effect.text, this.#state.now.at === 'auth');
        this.#wire.send(effect.text);
        break;
      case 'handshake':
        if (this.#hasMore) {
          const text = 'unencrypted octets behind the reply to STARTTLS';
          this.#apply({ on: 'lost', error: { kind: 'tls', text } });
        } else this.#wire.secure();
        break;
      case 'up':
        break;
      case 'failed':
        this.#owner.failed(effect.phase, effect);
        break;
      case 'content':
        this.#content();
        break;
      case 'settled':
        this.#payload = undefined;
        this.#owner.settled(effect, this.#steps);
        break;
      case 'unbegun':
        this.#payload = undefined;
        this.#owner.unbegun();
        break;
      case 'end':
        this.#end();
        break;
      case 'abort':
        this.#abort();
        break;
    }
  }

  #content(): void {
    const payload = this.#payload;
    if (payload === undefined) return;
    this.#steps.data = this.#clock.now();
    const { octetsPerSecondMin, timeouts } = this.#options;
    const allowedMs = timeouts.blockMs + (payload.transaction.size / octetsPerSecondMin) * 1000;
    this.#contentUntil = this.#clock.monotonic() + allowedMs;
    sendContent(payload, {
      wholeOctetsMax: this.#options.wholeOctetsMax,
      write: (chunks) => this.#wire.write(chunks),
      drained: () => this.#untilDrained(),
      isWanted: () => this.#payload === payload && this.#state.now.at === 'content',
      done: () => {
        this.#steps.dot = this.#clock.now();
        this.transcript.noted(`${payload.transaction.size} octets of content and the final dot`);
        this.#apply({ on: 'dot' });
      },
      failed: (error) => this.#apply({ on: 'lost', error }),
    });
  }

  /** One block has left; the next may take its time again. */
  #untilDrained(): Promise<void> {
    this.#deadline.set(Math.min(this.#options.timeouts.blockMs, this.#contentUntil - this.#clock.monotonic()));
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  #release(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  #end(): void {
    if (this.#mode !== 'open') return;
    this.#mode = 'closing';
    this.#wire.end();
    this.#deadline.set(this.#options.timeouts.closeMs);
  }

  #abort(): void {
    if (this.#mode === 'closed') return;
    const wasConnecting = this.#mode === 'connecting';
    this.#mode = 'closing';
    this.#release();
    this.#isCut = true;
    this.#wire.destroy();
    // The slot is the peer's to free: its close, or so much time.
    if (wasConnecting) this.#isPeerClosed = true;
    else this.#deadline.set(this.#options.timeouts.closeMs);
  }

  // ── deadlines ───────────────────────────────────────────────────────────────────────────────────────────────────

  #expired(): void {
    if (this.#mode === 'closing') {
      this.#isPeerClosed = true;
      this.#wire.destroy();
      this.#finish();
      return;
    }
    const at = this.#state.now.at;
    this.#apply({ on: 'lost', error: { kind: 'timeout', text: `no answer in time (${at})` } });
  }

  /** Set by events only, so that a reply that trickles in does not move it. */
  #setDeadline(): void {
    const { now } = this.#state;
    const { timeouts } = this.#options;
    if (now.at === 'ready' || now.at === 'over') return this.#deadline.clear();
    if (now.at !== 'envelope') return this.#deadline.set(waitMs(now.at, timeouts));
    const { mailMs, rcptMs, dataMs } = timeouts;
    const ms = now.awaits === 'rcpt' ? rcptMs : now.awaits === 'data' ? dataMs : mailMs;
    this.#deadline.set(Math.min(ms, this.#envelopeUntil - this.#clock.monotonic()));
  }
}

function isClose(event: ClientEvent): boolean {
  if (event.on === 'lost') return event.error.kind === 'closed';
  return event.on === 'unsolicited' && event.reply.code === 421;
}

type Waiting = Exclude<ClientState['now']['at'], 'ready' | 'over' | 'envelope'>;

function waitMs(at: Waiting, timeouts: EgressOptions['timeouts']): number {
  switch (at) {
    case 'greeting':
      return timeouts.greetingMs;
    case 'ehlo':
    case 'helo':
    case 'auth':
      return timeouts.ehloMs;
    case 'starttls':
    case 'handshake':
      return timeouts.startTlsMs;
    case 'content':
      return timeouts.blockMs;
    case 'dot':
    case 'bare-dot':
      return timeouts.dotMs;
    case 'quit':
      return timeouts.quitMs;
  }
}
