// What one result means: the rules say it of every reply; what no rule can know is here: in which phase a refusal cannot
// be about this mail, what broke without a reply, and that a success elsewhere than at the dot promises nothing.
// Pure. A failure without a reply is temporary (DESIGN section 6), and a mailbox is never suppressed for one.
import type { Action } from '../flow/action.ts';
import type { AttemptError, DeliveryResult, Report } from '../flow/attempt.ts';
import type { Judge, Scope, Verdict } from '../flow/outcome.ts';
import type { Phase, Reply } from '../flow/reply.ts';
import { type Classification, classify, unfold } from '../rules/classify.ts';
import type { RuleSet } from '../rules/rule-set.ts';

/** What can never go out as it is. RFC 6152 section 3, RFC 6531 section 3.2, RFC 8689 section 4.2: we do not convert. */
const FINAL: ReadonlySet<AttemptError['kind']> = new Set([
  'forbidden-address',
  'no-8bitmime',
  'no-smtputf8',
  'no-requiretls',
  'too-large',
]);

/** Before MAIL a refusal is about us or the host, never about this mail (RFC 5321 section 3.1). */
const BEFORE_MAIL: ReadonlySet<Phase> = new Set(['connect', 'greeting', 'ehlo', 'starttls', 'auth']);

export function createJudge(set: RuleSet): Judge {
  return (result, report, provider) =>
    result.reply === undefined
      ? judgeError(set, result)
      : judgeReply(set, result.reply, result.decidedAt, report, provider);
}

function judgeReply(set: RuleSet, reply: Reply, phase: Phase, report: Report, provider: string | undefined): Verdict {
  const { code, enhanced } = reply;
  if (code < 400) {
    if (phase === 'dot' && code < 300) {
      return { kind: 'delivered', category: 'delivered', scope: 'recipient', rule: DELIVERED[code] ?? `reply ${code}` };
    }
    return ours(set, 'protocol-error', `reply ${code} at ${phase}`);
  }
  const found = classify(set, {
    text: unfold(reply),
    code,
    phase,
    ...(enhanced === undefined ? {} : { enhanced }),
    ...(provider === undefined ? {} : { provider }),
  });
  if (BEFORE_MAIL.has(phase)) {
    const scope: Scope = phase === 'auth' ? 'site' : isAboutMail(found.scope) ? 'source' : found.scope;
    return kept({ ...found, scope }, `${found.rule} at ${phase}`);
  }
  // Our own resolver's word, not a remote's: to ask again costs nobody anything, a registry's bad day must not cost people.
  if (phase === 'dns') return { ...found, scope: 'site', actions: harmless(found) };
  // RFC 5321 section 4.2.4: 503 is about the order of commands, not about the mail.
  if (code === 503) return kept(found, `${found.rule} at ${phase}`);
  // RFC 5321 section 4.5.3.1.10: 552 to RCPT is how old servers say 452, too many recipients.
  if (phase === 'rcpt' && !found.byText && code === 552 && enhanced === undefined) {
    return ours(set, 'too-many-recipients', `reply ${code} at rcpt`);
  }
  const scope = found.category === 'undetermined' && phase !== 'rcpt' ? 'message' : found.scope;
  // A reply to the whole transaction names no mailbox of several.
  const names = phase === 'rcpt' || (phase !== 'mail' && report.results.length === 1);
  return names && scope === found.scope ? found : { ...found, scope, actions: names ? found.actions : harmless(found) };
}

/** The commonest codes of a success, without a string made for each. */
const DELIVERED: Readonly<Record<number, string>> = { 250: 'reply 250', 251: 'reply 251', 252: 'reply 252' };

function isAboutMail(scope: Scope): boolean {
  return scope === 'recipient' || scope === 'message';
}

/** Refused for now, whatever the code says. */
function kept(found: Classification, rule: string): Verdict {
  const actions = harmless(found).filter(({ do: verb }) => verb !== 'fail');
  return { ...found, kind: 'deferred', rule, actions: tries(actions) ? actions : [RETRY, ...actions] };
}

const RETRY: Action = { do: 'retry', plan: 'normal' };

function tries(actions: readonly Action[]): boolean {
  return actions.some(({ do: verb }) => verb === 'retry' || verb === 'retry-elsewhere' || verb === 'split');
}

function harmless({ actions }: Pick<Classification, 'actions'>): readonly Action[] {
  return actions.filter(({ do: verb }) => verb !== 'suppress');
}

/** Deferred, by a category that the phase alone tells. */
function ours(set: RuleSet, name: string, rule: string): Verdict {
  const category = set.categories.get(name);
  if (category === undefined) return { kind: 'deferred', category: name, scope: 'message', rule, actions: [RETRY] };
  const actions = category.actions.filter(({ do: verb }) => verb !== 'fail' && verb !== 'suppress');
  return {
    kind: 'deferred',
    category: name,
    class: category.class,
    scope: category.scope,
    rule,
    actions: tries(actions) ? actions : [RETRY, ...actions],
  };
}

function judgeError(set: RuleSet, { error, decidedAt }: DeliveryResult): Verdict {
  const kind = error?.kind ?? 'protocol';
  if (decidedAt === 'dns') return kept(classify(set, { text: '', phase: 'dns' }), 'error at dns');
  const meant = classify(set, { text: '', error: kind });
  // Ours, and an operator may still mend it.
  const found: Classification = kind === 'damaged' || kind === 'no-key' ? { ...meant, scope: 'message' } : meant;
  const rule = `error ${kind}`;
  if (!FINAL.has(kind)) return kept(found, rule);
  const actions = harmless(found).filter((action) => !tries([action]));
  const isSaid = actions.some(({ do: verb }) => verb === 'fail');
  return { ...found, kind: 'failed', rule, actions: isSaid ? actions : [{ do: 'fail' }, ...actions] };
}
