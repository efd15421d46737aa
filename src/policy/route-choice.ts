// Which rule of the route table a queue's mail goes by, and who may be written to where only some may. Pure: a table is
// made into lookups once, a question costs a few of them.
import type { ForwardPath } from '../flow/message.ts';
import type { RouteRule, RouteTable, RouteTarget } from '../flow/route.ts';
import type { QueueName } from '../flow/spool.ts';
import { domainMatches } from '../mail/domain.ts';

export interface RouteChoice {
  readonly rule: RouteRule;
  /**
   * Names what its answer depends on beside the domain: rules with equal keys share one question and one route. '' for
   * plain MX.
   */
  readonly key: string;
  /** Only some mailboxes of the domain may be written to: each delivery is looked at (`mayWriteTo`). */
  readonly isPartlyAllowed: boolean;
}

/** What no rule names: by MX, port 25, TLS when it is offered. */
export const BY_MX: RouteRule = { name: 'mx', domain: '*', target: { to: 'mx', tls: { level: 'opportunistic' } } };
/** What the allow-list does not name. */
export const NOT_ALLOWED: RouteRule = { name: 'allow', domain: '*', target: { to: 'discard' } };

const PLAIN: RouteChoice = { rule: BY_MX, key: '', isPartlyAllowed: false };

type Keyed = Omit<RouteChoice, 'isPartlyAllowed'>;

export class RouteChooser {
  /** By domain form, in the order of the file. */
  readonly #rules = new Map<string, Keyed[]>();
  /** undefined: everybody may be written to. */
  readonly #allow: Allow | undefined;

  constructor({ rules, allow }: RouteTable) {
    for (const rule of rules) {
      const same = this.#rules.get(rule.domain);
      const keyed = { rule, key: keyOf(rule) };
      if (same === undefined) this.#rules.set(rule.domain, [keyed]);
      else same.push(keyed);
    }
    this.#allow = allow === undefined ? undefined : allowOf(allow);
  }

  /** The rule of the most specific recipient domain (exact, longest suffix, `*`) whose conditions hold; of equal ones the first. */
  choose(queue: QueueName): RouteChoice {
    if (this.#rules.size === 0 && this.#allow === undefined) return PLAIN;
    const allowed = this.#allowed(queue.domain);
    if (allowed === 'none') return { rule: NOT_ALLOWED, key: keyOf(NOT_ALLOWED), isPartlyAllowed: false };
    const { rule, key } = this.#find(queue);
    return { rule, key, isPartlyAllowed: allowed === 'some' };
  }

  /** Of a domain that is allowed in part. */
  mayWriteTo(path: ForwardPath): boolean {
    return this.#allow === undefined || this.#allow.mailboxes.has(mailboxKey(path.mailbox, path.domain));
  }

  #find(queue: QueueName): Keyed {
    for (const form of formsOf(queue.domain)) {
      const found = this.#rules.get(form)?.find(({ rule }) => holds(rule, queue));
      if (found !== undefined) return found;
    }
    return PLAIN;
  }

  #allowed(domain: string): 'all' | 'some' | 'none' {
    const allow = this.#allow;
    if (allow === undefined) return 'all';
    for (const form of formsOf(domain)) if (allow.domains.has(form)) return 'all';
    return allow.partly.has(domain) ? 'some' : 'none';
  }
}

interface Allow {
  readonly domains: ReadonlySet<string>;
  readonly mailboxes: ReadonlySet<string>;
  /** Domains of the mailboxes. */
  readonly partly: ReadonlySet<string>;
}

function allowOf(entries: readonly string[]): Allow {
  const mailboxes = entries.filter((entry) => entry.includes('@'));
  return {
    domains: new Set(entries.filter((entry) => !entry.includes('@'))),
    mailboxes: new Set(mailboxes),
    partly: new Set(mailboxes.map((mailbox) => mailbox.slice(mailbox.lastIndexOf('@') + 1))),
  };
}

/** The local part in lower case: nobody tells `QA` from `qa`, and both are of the domain that was allowed. */
function mailboxKey(mailbox: string, domain: string): string {
  return `${mailbox.slice(0, mailbox.lastIndexOf('@')).toLowerCase()}@${domain}`;
}

/** From the most specific to `*`. An address literal has no suffixes. */
function* formsOf(domain: string): Generator<string> {
  yield domain;
  if (!domain.startsWith('[')) {
    for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1)) yield `*${domain.slice(dot)}`;
  }
  yield '*';
}

function holds({ tenants, streams, campaigns, fromDomains }: RouteRule, queue: QueueName): boolean {
  if (tenants?.includes(queue.tenant) === false) return false;
  if (streams?.includes(queue.stream) === false) return false;
  if (campaigns?.includes(queue.campaign) === false) return false;
  const { from } = queue;
  return fromDomains === undefined || (from !== undefined && fromDomains.some((form) => domainMatches(from, form)));
}

function keyOf({ name, target }: RouteRule): string {
  return target.to === 'discard' ? `discard ${name}` : targetKey(target);
}

function targetKey(target: Exclude<RouteTarget, { to: 'discard' }>): string {
  const tls = `${target.tls.level}${target.tls.implicit === true ? '+' : ''}`;
  if (target.to === 'hosts') {
    const hosts = target.hosts.map(({ name, port }) => `${name}:${port}`).join();
    return `hosts ${tls} ${target.credentials ?? ''} ${hosts}`;
  }
  const key = `mx ${tls} ${target.port ?? 25}${target.anyAddress === true ? ' any' : ''}`;
  return key === 'mx opportunistic 25' ? '' : key;
}
