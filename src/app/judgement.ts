// What replies mean, as the configuration in force says: made anew at a reload while the scheduler keeps the same calls.
import { InvariantError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Settle } from '../flow/settlement.ts';
import { createJudge } from '../outcome/judge.ts';
import { createSettle } from '../outcome/settle.ts';
import { ProviderBook } from '../policy/provider.ts';
import { buildRuleSet } from '../rules/rule-set.ts';
import type { ProviderOf } from '../scheduler/options.ts';

type Given = Pick<Config, 'responses' | 'providers'>;

export class Judgement {
  #settle!: Settle;
  #book!: ProviderBook;
  readonly settle: Settle = (report, queued, terms) => this.#settle(report, queued, terms);
  readonly providerOf: ProviderOf = (domain, hosts) => this.#book.find(domain, hosts);

  constructor(config: Given) {
    this.take(config);
  }

  /** Before the scheduler's own reload: it asks for every provider again. */
  take({ responses, providers }: Given): void {
    const { set, problems } = buildRuleSet(responses);
    // Loading the configuration has told every problem.
    if (problems.length > 0) throw new InvariantError(`a rule set was not checked: ${problems[0]?.problem}`);
    this.#settle = createSettle(createJudge(set));
    this.#book = new ProviderBook(Object.entries(providers).map(([name, { mx, domains }]) => ({ name, mx, domains })));
  }
}
