// What a pause, a resume or a move is about: everything, a tenant, a stream, a domain, a campaign of a tenant, a pool, a route.
import { EXIT, OperatorError } from '../base/errors.ts';
import { type Call, type Option, optionText } from './command.ts';

export const MARK_OPTIONS: readonly Option[] = [
  { flags: '--tenant <name>', doc: 'mail of this tenant' },
  { flags: '--stream <name>', doc: 'mail of this stream' },
  { flags: '--domain <name>', doc: 'mail to this domain' },
  { flags: '--campaign <tenant/name>', doc: 'mail of this campaign' },
  { flags: '--pool <name>', doc: 'mail that is sent from this pool' },
  { flags: '--route <name>', doc: 'mail that goes by this route' },
];

const KINDS = ['tenant', 'stream', 'domain', 'campaign', 'pool', 'route'] as const;

/** As the API takes it. Without an option: `all`. Throws OperatorError (64). */
export function markOf(call: Call, kinds: readonly (typeof KINDS)[number][] = KINDS): string {
  const chosen = kinds.filter((name) => optionText(call, name) !== undefined);
  const [kind] = chosen;
  if (kind === undefined) return 'all';
  if (chosen.length > 1) {
    const [last, ...others] = kinds.map((name) => `--${name}`).toReversed();
    throw new OperatorError(`choose one of ${others.toReversed().join(', ')} and ${last}`, EXIT.usage);
  }
  const name = optionText(call, kind) ?? '';
  const isRight = kind === 'campaign' ? /^[^/]+\/.+$/s.test(name) : /^[^/]+$/.test(name);
  if (!isRight) {
    throw new OperatorError(
      `--${kind} takes ${kind === 'campaign' ? 'TENANT/NAME' : 'a name'}, not '${name}'`,
      EXIT.usage,
    );
  }
  return `${kind}/${kind === 'domain' ? name.toLowerCase() : name}`;
}
