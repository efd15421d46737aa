// Actions as people write them: one line each, `suspend source+provider 1h`. Read once into the records of src/flow/, and
// written back for events, `postilion classify` and lint.
import type { Action, RetryPlan, Extension, SuppressScope, SuspendScope } from '../flow/action.ts';
import type { Scope } from '../flow/outcome.ts';

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `15m`, `4h`, `30d` in ms. */
function span(text: string | undefined): number | undefined {
  const match = /^(\d+)([mhd])$/.exec(text ?? '');
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}

export function spanText(ms: number): string {
  if (ms % 86_400_000 === 0) return `${ms / 86_400_000}d`;
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : `${ms / 60_000}m`;
}

const PLANS: readonly string[] = ['normal', 'soon', 'slow', 'greylist'] satisfies RetryPlan[];
const SUSPENDS: readonly string[] = [
  'lane',
  'source+provider',
  'sending-domain+provider',
  'campaign',
] satisfies SuspendScope[];
const SUPPRESSES: readonly string[] = ['global', 'tenant', 'stream'] satisfies SuppressScope[];
const EXTENSIONS: readonly string[] = ['tls', 'ipv6', 'look-ahead', 'chunking'] satisfies Extension[];

/** Most hits that `after N in T` can want: so many are kept of each recipient. */
export const HITS_MAX = 100;

function parseSuppress(words: readonly string[]): Action | undefined {
  const [, scope, ...rest] = words;
  if (scope === undefined || !SUPPRESSES.includes(scope)) return undefined;
  let forMs: number | undefined;
  let after: { hits: number; withinMs: number } | undefined;
  while (rest.length > 0) {
    const word = rest.shift();
    if (word === 'for') {
      forMs = span(rest.shift());
      if (forMs === undefined) return undefined;
    } else if (word === 'after') {
      const hits = Number(rest.shift());
      const inWord = rest.shift();
      const withinMs = span(rest.shift());
      if (!Number.isInteger(hits) || hits < 1 || hits > HITS_MAX || inWord !== 'in' || withinMs === undefined)
        return undefined;
      after = { hits, withinMs };
    } else return undefined;
  }
  return {
    do: 'suppress',
    scope: scope as SuppressScope,
    ...(forMs === undefined ? {} : { forMs }),
    ...(after === undefined ? {} : { after }),
  };
}

function parseDisable([, extension = '', how, ...more]: readonly string[]): Action | undefined {
  if (!EXTENSIONS.includes(extension) || more.length > 0) return undefined;
  const action = { do: 'disable', extension: extension as Extension } as const;
  if (how === undefined) return action;
  const forMs = span(how);
  return forMs === undefined ? undefined : { ...action, forMs };
}

/** One line of `actions:`; undefined when it is none of the closed list. */
export function parseAction(text: string): Action | undefined {
  const words = text.trim().split(/\s+/);
  const [verb, what, how] = words;
  const only = (length: number, action: Action): Action | undefined => (words.length === length ? action : undefined);
  switch (verb) {
    case 'retry':
      if (what === 'elsewhere') return only(2, { do: 'retry-elsewhere' });
      return PLANS.includes(what ?? '') ? only(2, { do: 'retry', plan: what as RetryPlan }) : undefined;
    case 'split':
    case 'fail':
    case 'alert':
      return only(1, { do: verb });
    case 'slow':
      return what === 'connections' || what === 'rate' ? only(2, { do: 'slow', what }) : undefined;
    case 'suspend': {
      const forMs = span(how);
      if (!SUSPENDS.includes(what ?? '') || forMs === undefined) return undefined;
      return only(3, { do: 'suspend', what: what as SuspendScope, forMs });
    }
    case 'hold':
      return SUSPENDS.includes(what ?? '') ? only(2, { do: 'hold', what: what as SuspendScope }) : undefined;
    case 'suppress':
      return parseSuppress(words);
    case 'disable':
      return parseDisable(words);
    default:
      return undefined;
  }
}

/** The line that `parseAction` reads. */
export function actionText(action: Action): string {
  switch (action.do) {
    case 'retry':
      return `retry ${action.plan}`;
    case 'retry-elsewhere':
      return 'retry elsewhere';
    case 'slow':
      return `slow ${action.what}`;
    case 'suspend':
      return `suspend ${action.what} ${spanText(action.forMs)}`;
    case 'hold':
      return `hold ${action.what}`;
    case 'disable':
      return `disable ${action.extension}${action.forMs === undefined ? '' : ` ${spanText(action.forMs)}`}`;
    case 'suppress': {
      const forText = action.forMs === undefined ? '' : ` for ${spanText(action.forMs)}`;
      const after = action.after;
      return `suppress ${action.scope}${forText}${after === undefined ? '' : ` after ${after.hits} in ${spanText(after.withinMs)}`}`;
    }
    case 'split':
    case 'fail':
    case 'alert':
      return action.do;
  }
}

export const SCOPES: readonly Scope[] = ['recipient', 'message', 'source', 'sending domain', 'site', 'provider'];
