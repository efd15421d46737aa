// The argument of commands that are about one campaign: TENANT/NAME.
import { EXIT, OperatorError } from '../base/errors.ts';
import { type Argument, type Call, given } from './command.ts';

export const CAMPAIGN_ARGUMENT: readonly Argument[] = [
  { name: 'campaign', doc: 'its tenant and its label, as in acme/spring' },
];

/** As the API takes it. Throws OperatorError (64). */
export function campaignMark(call: Call): string {
  const name = given(call, 'campaign');
  if (/^[^/]+\/.+$/s.test(name)) return `campaign/${name}`;
  throw new OperatorError(`a campaign is named by its tenant and its label, TENANT/NAME, not '${name}'`, EXIT.usage);
}
