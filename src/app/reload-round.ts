// One reload at a time, in two steps: everybody prepares; if all could, everybody uses. So a reload changes all
// processes or none.
import type { Clock } from '../base/clock.ts';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { documentsFor } from './role-documents.ts';
import type { Documents } from './roles.ts';
import type { Seat } from './seat.ts';

export interface ReloadRoundOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly answerMs?: number;
}

/** Certificates and keys are read again in there. */
const ANSWER_MS = 10_000;

interface Round {
  readonly number: number;
  readonly missing: Set<Seat>;
  readonly done: (trouble?: OperatorError) => void;
}

export class ReloadRound {
  readonly #options: ReloadRoundOptions;
  #last: Promise<unknown> = Promise.resolve();
  #round: Round | undefined;

  constructor(options: ReloadRoundOptions) {
    this.#options = options;
  }

  /** Runs it when the ones before have ended. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(run);
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Resolves when all of them have prepared these. Rejects with OperatorError when one could not or did not answer. */
  async prepare(seats: readonly Seat[], documents: Documents): Promise<void> {
    if (seats.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      const late = this.#options.clock.after(this.#options.answerMs ?? ANSWER_MS, () => {
        const names = [...(this.#round?.missing ?? [])].map(({ name }) => name).join(', ');
        done(new OperatorError(`${names} did not answer in time: nothing was changed`, EXIT.tryAgain));
      });
      const done = (trouble?: OperatorError): void => {
        late.cancel();
        this.#round = undefined;
        if (trouble === undefined) resolve();
        else reject(trouble);
      };
      this.#round = { number: documents.config.number, missing: new Set(seats), done };
      for (const seat of seats) seat.send({ say: 'prepare', documents: documentsFor(seat.role, documents) });
    });
  }

  prepared(seat: Seat, number: number, trouble: string | undefined): void {
    if (trouble !== undefined) {
      this.#options.log.warn({ process: seat.name, configuration: number, trouble }, 'a configuration was refused');
    }
    const round = this.#round;
    if (round === undefined || round.number !== number) return;
    if (trouble !== undefined) return round.done(new OperatorError(trouble, EXIT.configuration));
    this.#answered(round, seat);
  }

  /** Whoever is started in its place gets what is in force then. */
  ended(seat: Seat): void {
    if (this.#round !== undefined) this.#answered(this.#round, seat);
  }

  #answered(round: Round, seat: Seat): void {
    round.missing.delete(seat);
    if (round.missing.size === 0) round.done();
  }
}
