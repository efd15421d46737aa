// The scheduler's socket: where every other process says hello. A visitor's records wait behind its hello until it is
// taken in, so that a new scheduler can first hear who is there, then read its spool, and only then serve.
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Channel, ChannelHandlers } from './channel.ts';
import { channelOver, type Listening, listenChannels } from './channel-socket.ts';
import { type Hello, LINK_PROTOCOL } from './link-records.ts';

/** A process that has said hello. */
export interface Visitor<H extends Hello = Hello> {
  readonly hello: H;
  readonly channel: Channel;
  /** Once: its records, those that waited first, go to these handlers. */
  readonly take: (handlers: ChannelHandlers) => void;
}

/** What is done with each kind of visitor, once the scheduler serves. */
export type Reception = {
  readonly [Kind in Hello['kind']]: (visitor: Visitor<Extract<Hello, { kind: Kind }>>) => void;
};

export interface DoorOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who connects and says nothing is sent away. */
const HELLO_MS = 5_000;
/** Connections that have not said hello. */
const STRANGERS_MAX = 64;

type Missing = { readonly names: ReadonlySet<string>; readonly heard: () => void };

export class SchedulerDoor {
  readonly #options: DoorOptions;
  /** Heard, and not taken in yet; by process. The last hello of a process counts. */
  readonly #waiting = new Map<string, Visitor>();
  /** Channels of those taken in. */
  readonly #inside = new Map<string, { readonly pid: number; readonly channel: Channel }>();
  /** Channels of submission processes, taken in or not. */
  readonly #submission = new Set<Channel>();
  #leaving: (() => void)[] = [];
  #strangers = 0;
  #reception: Reception | undefined;
  #missing: Missing | undefined;
  #listening: Listening | undefined;

  private constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Throws OperatorError. */
  static async open(options: DoorOptions): Promise<SchedulerDoor> {
    const door = new SchedulerDoor(options);
    door.#listening = await listenChannels(options.path, (socket) => door.#knock(socket));
    return door;
  }

  /** Hellos of those not taken in yet. */
  hellos(): readonly Hello[] {
    return [...this.#waiting.values()].map((visitor) => visitor.hello);
  }

  /** Resolves once all of these have said hello, or after `withinMs` with the names of those who have not. */
  gather(names: readonly string[], withinMs: number): Promise<readonly string[]> {
    const missing = new Set(names.filter((name) => !this.#waiting.has(name)));
    if (missing.size === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#missing = undefined;
        resolve([...missing]);
      };
      const timer: Timer = this.#options.clock.after(withinMs, done);
      const heard = (): void => {
        for (const name of missing) if (this.#waiting.has(name)) missing.delete(name);
        if (missing.size === 0) done();
      };
      this.#missing = { names: missing, heard };
    });
  }

  /** From now on whoever has come and whoever comes is taken in at once. */
  begin(reception: Reception): void {
    this.#reception = reception;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const visitor of waiting) this.#receive(visitor);
  }

  /**
   * Resolves once everything a dead process has said was handed on and its channel is closed. Only for processes that
   * have ended: one that lives keeps it waiting.
   */
  async gone(process: string, pid: number): Promise<void> {
    while (this.#channelOf(process, pid) !== undefined) {
      await new Promise<void>((resolve) => void this.#leaving.push(resolve));
    }
  }

  /** Resolves once no submission process is connected. */
  async withoutSubmission(): Promise<void> {
    while (this.#submission.size > 0) {
      await new Promise<void>((resolve) => void this.#leaving.push(resolve));
    }
  }

  #channelOf(process: string, pid: number): Channel | undefined {
    const inside = this.#inside.get(process);
    if (inside?.pid === pid) return inside.channel;
    const waiting = this.#waiting.get(process);
    return waiting?.hello.pid === pid ? waiting.channel : undefined;
  }

  async close(): Promise<void> {
    await this.#listening?.close();
  }

  #knock(socket: Socket): void {
    if (this.#strangers >= STRANGERS_MAX) return void socket.destroy();
    this.#strangers++;
    const timer = this.#options.clock.after(HELLO_MS, () => socket.destroy());
    let known = false;
    const admitted = (): void => {
      if (known) return;
      known = true;
      this.#strangers--;
      timer.cancel();
    };
    let hands: Hands | undefined;
    channelOver(socket, (channel) => ({
      told: (body) => {
        if (hands !== undefined) return hands.told(body);
        admitted();
        hands = this.#admit(body as Partial<Hello>, channel());
      },
      asked: (body) => hands?.asked(body) ?? Promise.reject(new Error('hello first')),
      frameRead: () => hands?.frameRead(),
      closed: (why) => {
        admitted();
        hands?.closed(why);
      },
    }));
  }

  #admit(body: Partial<Hello>, channel: Channel): Hands | undefined {
    const { kind, process, protocol } = body;
    if (kind === undefined || process === undefined || protocol !== LINK_PROTOCOL) {
      this.#options.log.error(
        { process, protocol, expected: LINK_PROTOCOL },
        'a process of another version was sent away: restart the relay',
      );
      channel.end();
      return undefined;
    }
    const hands = new Hands();
    const visitor: Visitor = { hello: body as Hello, channel, take: (handlers) => hands.give(handlers) };
    // A process that lost its channel may be back before we saw the old one close.
    this.#inside.get(process)?.channel.end();
    this.#waiting.get(process)?.channel.end();
    if (kind === 'submission') this.#submission.add(channel);
    hands.onClosed = () => {
      this.#submission.delete(channel);
      if (this.#inside.get(process)?.channel === channel) this.#inside.delete(process);
      if (this.#waiting.get(process) === visitor) this.#waiting.delete(process);
    };
    hands.left = () => {
      const leaving = this.#leaving;
      this.#leaving = [];
      for (const left of leaving) left();
    };
    if (this.#reception === undefined) {
      this.#waiting.set(process, visitor);
      this.#missing?.heard();
    } else this.#receive(visitor);
    return hands;
  }

  #receive(visitor: Visitor): void {
    const reception = this.#reception;
    if (reception === undefined) return;
    const { hello, channel, take } = visitor;
    this.#inside.set(hello.process, { pid: hello.pid, channel });
    switch (hello.kind) {
      case 'submission':
        return reception.submission({ hello, channel, take });
      case 'egress':
        return reception.egress({ hello, channel, take });
      case 'control':
        return reception.control({ hello, channel, take });
      default:
        channel.end();
    }
  }
}

/** Holds what comes until there are handlers for it. Bounded by what a peer keeps in flight without answers. */
class Hands {
  onClosed: (() => void) | undefined;
  /** After the handlers have heard of the close. */
  left: (() => void) | undefined;
  #handlers: ChannelHandlers | undefined;
  #held: ((handlers: ChannelHandlers) => void)[] = [];

  give(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const held = this.#held;
    this.#held = [];
    for (const hand of held) hand(handlers);
  }

  told(body: unknown): void {
    this.#hand((handlers) => handlers.told(body));
  }

  asked(body: unknown): Promise<unknown> {
    if (this.#handlers !== undefined) return this.#handlers.asked(body);
    return new Promise((resolve, reject) => {
      this.#hand((handlers) => void handlers.asked(body).then(resolve, reject));
    });
  }

  frameRead(): void {
    this.#hand((handlers) => handlers.frameRead?.());
  }

  closed(why: string): void {
    this.onClosed?.();
    this.#hand((handlers) => handlers.closed(why));
    this.left?.();
  }

  #hand(hand: (handlers: ChannelHandlers) => void): void {
    if (this.#handlers === undefined) this.#held.push(hand);
    else hand(this.#handlers);
  }
}
