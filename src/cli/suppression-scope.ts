// Whose mail an entry of the suppression list holds back, as options say it: --tenant, --stream, or all mail.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { SuppressionScope } from '../flow/suppression.ts';
import { isSuppressionScope } from '../policy/suppression.ts';
import { type Call, type Option, optionText } from './command.ts';

export const SCOPE_OPTIONS: readonly Option[] = [
  { flags: '--tenant <name>', doc: 'of mail of this tenant' },
  { flags: '--stream <tenant/name>', doc: 'of mail of this stream of a tenant' },
  { flags: '--global', doc: 'of all mail' },
];

/** undefined: no option was given. Throws OperatorError (64). */
export function findScope(call: Call): SuppressionScope | undefined {
  const tenant = optionText(call, 'tenant');
  const stream = optionText(call, 'stream');
  const isGlobal = call.options['global'] === true;
  const given = [tenant, stream, isGlobal || undefined].filter((option) => option !== undefined);
  if (given.length > 1) throw new OperatorError('choose one of --tenant, --stream and --global', EXIT.usage);
  if (isGlobal) return 'global';
  const scope = tenant === undefined ? (stream === undefined ? undefined : `stream/${stream}`) : `tenant/${tenant}`;
  if (scope === undefined || isSuppressionScope(scope)) return scope;
  throw new OperatorError(
    stream === undefined ? `'${tenant}' cannot be a tenant` : `--stream takes TENANT/NAME, not '${stream}'`,
    EXIT.usage,
  );
}
