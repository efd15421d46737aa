// Changes to a source's warm-up: asks the relay, and prints where it stands now.
import { EXIT, type ExitCode } from '../base/errors.ts';
import type { WarmupChange } from '../flow/warmup.ts';
import { type Argument, type Call, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { budgetText, providerNamed } from './warmup-words.ts';

export const SOURCE_AND_PROVIDER: readonly Argument[] = [
  { name: 'source', doc: 'its name in sending.yaml' },
  { name: 'provider', doc: 'a name of providers.yaml, other, or all (the total); absent: everywhere', optional: true },
];

export async function changeWarmup(call: Call, change: WarmupChange): Promise<ExitCode> {
  const source = given(call, 'source');
  const { provider } = call.args;
  const body = { ...(provider !== undefined && { provider: providerNamed(provider) }), change };
  const budgets = await ask(getFolders(call), 'POST /v1/warmup/:id', body, { id: source });
  const { terminal, clock } = call.deps;
  if (call.json) await terminal.out(`${JSON.stringify(budgets)}\n`);
  else if (budgets.length === 0) await terminal.out(`${source}: done; it has sent nothing yet\n`);
  else await terminal.out(`${source}\n\n${budgets.map((each) => budgetText(each, clock.now())).join('\n')}`);
  return EXIT.ok;
}
