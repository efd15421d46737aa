// An egress process without sockets: does what a script or a seed says, on a fake clock, and watches at every command
// that the scheduler keeps its word: no cap exceeded, nothing granted twice, one domain per transaction.
import type { Clock, Timer } from '../../src/base/clock.ts';
import type {
  AddressClaim,
  Attempt,
  AttemptId,
  DeliveryResult,
  EgressCommands,
  EgressHello,
  EgressReports,
  Report,
  SessionClosed,
  SessionGrant,
  SessionId,
  TakenId,
} from '../../src/flow/attempt.ts';
import { LaneHolds, mayBeAboutPace } from '../../src/egress/lane-hold.ts';
import type { Caps } from '../../src/scheduler/options.ts';
import type { CapWatch } from './cap-watch.ts';
import type { Message, MessageId } from '../../src/flow/message.ts';

export interface Transaction {
  readonly ms: number;
  readonly results: readonly DeliveryResult[];
  readonly mayHaveBeenDelivered?: boolean;
  /** The server has DSN. */
  readonly passedDsn?: true;
  /** The connection is gone afterwards. */
  readonly breaks?: boolean;
  /** Indexes that the remote now has, whatever the results say. */
  readonly taken: readonly number[];
}

export interface Behaviour {
  connect(grant: SessionGrant): { readonly ms: number; readonly failure?: NonNullable<SessionClosed['failure']> };
  /** What a report tells beside its results. */
  facts?(grant: SessionGrant): Partial<Report>;
  /** Of the site: those that are claimed, one after the other, where the grant asks for it. */
  addresses?(grant: SessionGrant): readonly string[];
  transact(attempt: Attempt, message: Message, grant?: SessionGrant): Transaction;
  /** An idle connection is closed after so long. */
  readonly idleMs: number;
  /** How long it takes until a recall is heard. Absent: no time at all. */
  readonly recallMs?: number;
}

interface Session {
  readonly grant: SessionGrant;
  readonly waiting: Attempt[];
  /** held: ready, and its lane is not (src/egress/lane-hold.ts). */
  state: 'new' | 'connecting' | 'held' | 'idle' | 'busy';
  running: Attempt | undefined;
  transaction: Transaction | undefined;
  began: number;
  isClosing: boolean;
  timer: Timer | undefined;
  /** Claimed, and those not tried yet. */
  claim: { readonly address: string; readonly rest: readonly string[] } | undefined;
  address: string | undefined;
  proceed(): void;
}

/** What all processes together have open and have sent: the scheduler's caps are host-wide. */
export class Wire {
  readonly messages = new Map<MessageId, Message>();
  readonly inFlight = new Set<string>();
  /** Copies that remotes have, by delivery. */
  readonly copies = new Map<string, number>();
  readonly lanes = new Map<string, number>();
  /** Claims that were not granted. */
  refused = 0;
  /** Counts by the caps in force. */
  watch: CapWatch | undefined;
  /** What went against the scheduler's word; must stay empty. Not thrown: the scheduler must not notice. */
  readonly violations: string[] = [];
  sessions = 0;
  attempts = 0;
  connections = 0;

  holds(condition: boolean, what: string): void {
    if (!condition) this.violations.push(what);
  }
}

/** From a claim to its hearing. */
const CLAIM_MS = 2;

export class FakeEgress implements EgressCommands {
  readonly #clock: Clock;
  readonly #behaviour: Behaviour;
  readonly #wire: Wire;
  readonly #caps: Caps;
  readonly #sessions = new Map<SessionId, Session>();
  readonly #unacknowledged = new Map<AttemptId, Report>();
  readonly #holds = new LaneHolds();
  reports: EgressReports | undefined;
  #isDead = false;

  constructor(clock: Clock, behaviour: Behaviour, wire: Wire, caps: Caps) {
    this.#clock = clock;
    this.#behaviour = behaviour;
    this.#wire = wire;
    this.#caps = caps;
  }

  get unacknowledged(): number {
    return this.#unacknowledged.size;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  open(grant: SessionGrant): void {
    this.#wire.holds(!this.#sessions.has(grant.session), 'a session is opened once');
    const inLane = (this.#wire.lanes.get(grant.lane) ?? 0) + 1;
    this.#wire.holds(inLane <= this.#caps.connections, `lane ${grant.lane} has ${inLane} connections`);
    this.#wire.lanes.set(grant.lane, inLane);
    this.#wire.watch?.opened(grant);
    this.#wire.sessions++;
    this.#wire.connections++;
    this.#wire.holds(this.#wire.sessions <= this.#caps.totalConnections, 'no more connections than the host may have');
    const session: Session = {
      grant,
      waiting: [],
      state: 'new',
      running: undefined,
      transaction: undefined,
      began: 0,
      isClosing: false,
      timer: undefined,
      claim: undefined,
      address: undefined,
      proceed: () => this.#proceed(session),
    };
    this.#sessions.set(grant.session, session);
    this.#holds.join(grant.lane, session);
  }

  deliver(id: SessionId, attempt: Attempt): void {
    this.#wire.attempts++;
    this.#check(attempt);
    const session = this.#sessions.get(id);
    if (session === undefined) {
      this.#free([attempt]);
      this.#tell(() => this.reports?.closed({ session: id, why: 'quit', notBegun: [attempt.attempt] }));
      return;
    }
    session.began++;
    this.#wire.holds(
      session.began <= this.#caps.deliveriesPerConnection,
      'no more transactions than a connection may have',
    );
    session.waiting.push(attempt);
    this.#wire.holds(session.waiting.length + (session.running === undefined ? 0 : 1) <= 2, 'window + 1');
    this.#proceed(session);
  }

  #proceed(session: Session): void {
    if (session.state === 'idle' || session.state === 'held') this.#next(session);
    else if (session.state === 'new' && session.waiting.length > 0 && !this.#holds.isHeld(session.grant.lane)) {
      this.#connect(session);
    }
  }

  claimed({ session: id, address }: AddressClaim, isGranted: boolean): void {
    const session = this.#sessions.get(id);
    if (session?.claim?.address !== address || this.#isDead) return;
    const { rest } = session.claim;
    if (!isGranted) {
      this.#wire.refused++;
      this.#claim(session, rest);
      return;
    }
    session.address = address;
    this.#wire.watch?.claimed(session.grant, address);
    this.#dial(session, rest);
  }

  /** The end of its connection was seen. */
  #unclaim(session: Session): void {
    if (session.address === undefined) return;
    this.#wire.watch?.unclaimed(session.grant, session.address);
    session.address = undefined;
  }

  #claim(session: Session, [address, ...rest]: readonly string[]): void {
    this.#unclaim(session);
    if (address === undefined) {
      this.#end(session, 'capped');
      return;
    }
    session.claim = { address, rest };
    session.timer = this.#clock.after(CLAIM_MS, () => {
      this.#tell(() => this.reports?.claim({ session: session.grant.session, address }));
    });
  }

  recall(id: SessionId): void {
    const ms = this.#behaviour.recallMs;
    if (ms === undefined) this.#giveBack(id);
    else this.#clock.after(ms, () => this.#giveBack(id));
  }

  #giveBack(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined || this.#isDead) return;
    const notBegun = session.waiting.splice(0);
    session.began -= notBegun.length;
    this.#free(notBegun);
    this.#tell(() => this.reports?.returned({ session: id, notBegun: notBegun.map(({ attempt }) => attempt) }));
    if (session.state === 'held') this.#next(session);
  }

  close(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined || session.isClosing) return;
    session.isClosing = true;
    if (session.state !== 'busy') this.#end(session, 'quit');
  }

  acknowledge(taken: readonly TakenId[]): void {
    for (const id of taken) {
      this.#unacknowledged.delete(id);
      this.#holds.release(id);
    }
  }

  /** What is said to a new scheduler. */
  hello(): EgressHello {
    this.#holds.releaseBut((id) => this.#unacknowledged.has(id));
    return {
      sessions: [...this.#sessions.values()].map(({ grant, address }) =>
        address === undefined ? grant : { ...grant, address },
      ),
      held: [...this.#sessions.values()].flatMap((session) =>
        [...(session.running === undefined ? [] : [session.running]), ...session.waiting].map((attempt) => ({
          ...attempt,
          session: session.grant.session,
        })),
      ),
      unacknowledged: [...this.#unacknowledged.values()],
    };
  }

  /** kill -9. `late`: after the remotes took what was on its way, before we knew. */
  die(late: boolean): void {
    this.#isDead = true;
    for (const session of this.#sessions.values()) {
      session.timer?.cancel();
      if (late && session.running !== undefined) this.#take(session.running, session.transaction?.taken ?? []);
      this.#free([...(session.running === undefined ? [] : [session.running]), ...session.waiting]);
      this.#leave(session);
    }
  }

  #check(attempt: Attempt): void {
    const message = this.#wire.messages.get(attempt.messageId);
    this.#wire.holds(
      attempt.indexes.length > 0 && attempt.indexes.length <= this.#caps.recipientsPerTransaction,
      'recipients',
    );
    const domains = new Set(attempt.indexes.map((index) => message?.forwardPaths[index]?.domain));
    this.#wire.holds(domains.size === 1, 'one routing domain per transaction');
    for (const index of attempt.indexes) {
      const key = `${attempt.messageId}/${index}`;
      this.#wire.holds(!this.#wire.inFlight.has(key), `delivery ${key} is granted twice`);
      this.#wire.inFlight.add(key);
    }
  }

  #connect(session: Session): void {
    session.state = 'connecting';
    const addresses = this.#behaviour.addresses?.(session.grant);
    if (session.grant.claimsAddress === true && addresses !== undefined) this.#claim(session, addresses);
    else this.#dial(session, []);
  }

  #dial(session: Session, rest: readonly string[]): void {
    this.#wire.watch?.connecting(session.grant);
    const { ms, failure } = this.#behaviour.connect(session.grant);
    session.timer = this.#clock.after(ms, () => {
      if (failure === undefined) this.#next(session);
      else if (rest.length > 0) this.#claim(session, rest);
      else this.#end(session, 'failed', failure);
    });
  }

  #next(session: Session): void {
    session.timer?.cancel();
    if (!session.isClosing && session.waiting.length > 0 && this.#holds.isHeld(session.grant.lane)) {
      session.state = 'held';
      return;
    }
    const attempt = session.isClosing ? undefined : session.waiting.shift();
    if (attempt === undefined) {
      if (session.isClosing) {
        this.#end(session, 'quit');
        return;
      }
      session.state = 'idle';
      session.timer = this.#clock.after(this.#behaviour.idleMs, () => this.#end(session, 'idle'));
      return;
    }
    session.state = 'busy';
    session.running = attempt;
    const granted = this.#clock.now();
    const message = this.#wire.messages.get(attempt.messageId) as Message;
    const transaction = this.#behaviour.transact(attempt, message, session.grant);
    session.transaction = transaction;
    session.timer = this.#clock.after(transaction.ms, () => {
      session.running = undefined;
      this.#wire.watch?.ended(session.grant, attempt, message);
      this.#take(attempt, transaction.taken);
      const report: Report = {
        attempt: attempt.attempt,
        session: session.grant.session,
        messageId: attempt.messageId,
        results: transaction.results,
        mayHaveBeenDelivered: transaction.mayHaveBeenDelivered ?? false,
        ...(transaction.passedDsn && { passedDsn: true }),
        remote: { host: session.grant.relay.site, address: '192.0.2.1', port: 25 },
        instants: { granted, done: this.#clock.now() },
        source: session.grant.source.name,
        ...this.#behaviour.facts?.(session.grant),
      };
      this.#free([attempt]);
      this.#unacknowledged.set(report.attempt, report);
      if (report.results.some(({ reply }) => mayBeAboutPace(reply))) {
        this.#holds.hold(session.grant.lane, report.attempt);
      }
      this.#tell(() => this.reports?.report(report));
      if (attempt.isLast === true) session.isClosing = true;
      if (transaction.breaks === true) this.#end(session, 'peer');
      else this.#next(session);
    });
  }

  #take(attempt: Attempt, indexes: readonly number[]): void {
    for (const index of indexes) {
      const key = `${attempt.messageId}/${index}`;
      this.#wire.copies.set(key, (this.#wire.copies.get(key) ?? 0) + 1);
    }
  }

  #end(session: Session, why: SessionClosed['why'], failure?: SessionClosed['failure']): void {
    session.timer?.cancel();
    const notBegun = session.waiting.splice(0);
    this.#free(notBegun);
    this.#leave(session);
    this.#holds.leave(session.grant.lane, session);
    if (mayBeAboutPace(failure?.reply)) this.#holds.hold(session.grant.lane, session.grant.session);
    const closed = { session: session.grant.session, why, notBegun: notBegun.map((attempt) => attempt.attempt) };
    this.#tell(() => this.reports?.closed(failure === undefined ? closed : { ...closed, failure }));
  }

  #leave(session: Session): void {
    this.#sessions.delete(session.grant.session);
    this.#unclaim(session);
    this.#wire.sessions--;
    this.#wire.watch?.closed(session.grant);
    this.#wire.lanes.set(session.grant.lane, (this.#wire.lanes.get(session.grant.lane) ?? 0) - 1);
  }

  #free(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) {
      for (const index of attempt.indexes) this.#wire.inFlight.delete(`${attempt.messageId}/${index}`);
    }
  }

  #tell(run: () => void): void {
    if (!this.#isDead) run();
  }
}
