// The scheduler's side of submission: users' rates, login budgets, claims and the gate, exact over all processes
// because they are counted here alone.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type {
  Answer,
  Gate,
  Intake,
  LoginQuestion,
  LoginResult,
  Question,
  Refusal,
  SubmitQuestion,
} from '../flow/intake.ts';
import type { Accepted } from '../flow/message.ts';
import type { Spool } from '../flow/spool.ts';
import { unreachable } from '../base/errors.ts';
import { LoginBudget } from '../policy/login-budget.ts';
import { SlidingCount, TokenBucket } from '../policy/token-bucket.ts';
import type { Claims } from './claims.ts';
import type { UserLimits } from './options.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Suppressions } from './suppressions.ts';

export interface IntakeDeskDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: Spool;
  readonly settings: Settings;
  readonly recorder: Recorder;
  readonly claims: Claims;
  readonly suppressions: Suppressions;
  readonly onAccepted: (accepted: Accepted) => void;
}

/** Logins that wait for a check in flight to end, over all users: beyond, they are told to come later. */
const LOGINS_WAITING_MAX = 1000;
/** Told to whoever could not even wait. */
const LOGIN_RETRY_MS = 1000;
/** A user's burst: a tenth of its rate at once. */
const BURST = 0.1;

interface UserBudget {
  readonly limits: UserLimits;
  readonly rate: TokenBucket | undefined;
  readonly recipients: SlidingCount | undefined;
}

interface WaitingLogin {
  readonly question: LoginQuestion;
  readonly resolve: (answer: Answer) => void;
}

const YES: Answer = { answer: 'yes' };

export class IntakeDesk implements Intake {
  readonly #deps: IntakeDeskDeps;
  readonly #logins: LoginBudget;
  #waiting: WaitingLogin[] = [];
  /** Only users that have limits: the configuration bounds it. */
  readonly #users = new Map<string, UserBudget>();
  /** Why nothing is taken, beside what the spool says: before the start, after the stop. */
  closedFor: Refusal | undefined = 'scheduler';
  readonly gate: Gate = { refusal: () => this.#refusal() };

  constructor(deps: IntakeDeskDeps) {
    this.#deps = deps;
    this.#logins = new LoginBudget(deps.settings.options.logins);
  }

  accepted(accepted: Accepted): void {
    this.#deps.onAccepted(accepted);
  }

  ask(question: Question): Promise<Answer> {
    switch (question.ask) {
      case 'login':
        return this.#login(question);
      case 'login-result':
        this.#loginResult(question);
        return Promise.resolve(YES);
      case 'submit':
        return Promise.resolve(this.#submit(question));
      case 'claim':
        return Promise.resolve(this.#deps.claims.ask(question));
      case 'release':
        this.#deps.claims.release(question);
        return Promise.resolve(YES);
      case 'suppression': {
        const entry = this.#deps.suppressions.find(question.recipient);
        return Promise.resolve(entry === undefined ? YES : { answer: 'suppressed', reason: entry.reason });
      }
      default:
        return unreachable(question);
    }
  }

  /** The options changed. Users keep what they have used, unless their limits are others now. */
  reload(): void {
    this.#logins.setLimits(this.#deps.settings.options.logins);
    for (const [user, budget] of this.#users) {
      const limits = this.#deps.settings.user(user);
      if (JSON.stringify(limits) !== JSON.stringify(budget.limits)) this.#users.delete(user);
    }
  }

  /** For whoever looks from time to time: a check whose end is never told counts as failed, and the next may try. */
  watch(): void {
    this.#wakeLogins();
    if (this.#deps.spool.atReserve()) {
      this.#deps.recorder.alarm(
        'disk-reserve',
        'the spool is at its reserve: mail is refused with 452 until there is room',
      );
    }
  }

  #refusal(): Refusal | undefined {
    if (this.closedFor !== undefined) return this.closedFor;
    const { spool, settings } = this.#deps;
    if (spool.atReserve()) return 'disk';
    if (spool.backlogged || spool.counts.deliveries >= settings.limits.queueMax) return 'queue';
    return undefined;
  }

  #submit({ user, recipients }: SubmitQuestion): Answer {
    const budget = this.#budget(user);
    if (budget === undefined) return YES;
    const now = this.#deps.clock.monotonic();
    const recipientsWait = budget.recipients?.take(recipients, now) ?? 0;
    if (recipientsWait > 0) return { answer: 'no', why: 'recipients', retryMs: recipientsWait };
    const rateWait = budget.rate?.take(1, now) ?? 0;
    if (rateWait === 0) return YES;
    budget.recipients?.giveBack(recipients);
    return { answer: 'no', why: 'rate', retryMs: rateWait };
  }

  #budget(user: string): UserBudget | undefined {
    const known = this.#users.get(user);
    if (known !== undefined) return known;
    const limits = this.#deps.settings.user(user);
    if (limits === undefined || (limits.rate === undefined && limits.recipients === undefined)) return undefined;
    const now = this.#deps.clock.monotonic();
    const { rate, recipients } = limits;
    const budget: UserBudget = {
      limits,
      rate: rate === undefined ? undefined : new TokenBucket(rate.count, rate.perMs, rate.count * BURST, now),
      recipients: recipients === undefined ? undefined : new SlidingCount(recipients.count, recipients.perMs, now),
    };
    this.#users.set(user, budget);
    return budget;
  }

  #login(question: LoginQuestion): Promise<Answer> {
    const answer = this.#logins.ask(question.address, question.user, this.#deps.clock.monotonic());
    if (answer.answer !== 'wait') return Promise.resolve(answer);
    if (this.#waiting.length >= LOGINS_WAITING_MAX) {
      return Promise.resolve({ answer: 'no', why: 'slow-down', retryMs: LOGIN_RETRY_MS });
    }
    return new Promise((resolve) => {
      this.#waiting.push({ question, resolve });
    });
  }

  #loginResult({ address, user, ok }: LoginResult): void {
    const { clock, recorder, log } = this.#deps;
    for (const locked of this.#logins.result(address, user, ok, clock.monotonic())) {
      log.warn({ address, user, locked }, 'too many failed logins: locked');
      const detail = { locked, address, user };
      recorder.add([{ type: 'note', at: clock.now(), note: 'login-lock', by: 'rule logins', detail }]);
    }
    this.#wakeLogins();
  }

  /** A check ended: those that waited ask again, in order; the charges decide how many may go. */
  #wakeLogins(): void {
    if (this.#waiting.length === 0) return;
    const now = this.#deps.clock.monotonic();
    this.#waiting = this.#waiting.filter(({ question, resolve }) => {
      const answer = this.#logins.ask(question.address, question.user, now);
      if (answer.answer === 'wait') return true;
      resolve(answer);
      return false;
    });
  }
}
