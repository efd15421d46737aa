// A routing domain that has something waiting (or had lately), as one rule has it: its queues, and what is known of its
// route. Waiting for DNS is a state of the domain: one question for 100,000 deliveries. Mail of one domain that goes by
// rules with different targets (its tenants have smart hosts of their own, say) makes one of these for each target.
import type { Domain as DomainName } from '../flow/message.ts';
import type { Route, RouteRule } from '../flow/route.ts';
import type { RouteChoice } from '../policy/route-choice.ts';
import type { Destination } from './destination.ts';
import type { Queue } from './queue.ts';
import type { Wakeable } from './wakes.ts';

export type KnownRoute = Exclude<Route, { kind: 'unknown' | 'no-name' }>;

/**
 * unasked → asking → known (until its TTL ends, then unasked) or unknown (sleeps, then unasked). `line`: too many
 * questions are open, it stands in line.
 */
export type RouteState =
  | { readonly state: 'unasked' }
  | { readonly state: 'line' }
  | { readonly state: 'asking' }
  | { readonly state: 'known'; readonly route: KnownRoute; readonly until: number }
  | { readonly state: 'unknown'; readonly text: string; readonly until: number };

export class Domain implements Wakeable {
  readonly name: DomainName;
  /** Names what its route depends on beside the name (RouteChoice). */
  readonly key: string;
  /** One of the rules with that key. */
  readonly rule: RouteRule;
  /** The same domain, as rules with other targets have it. */
  next: Domain | undefined;
  /** Every queue of this domain that the scheduler knows. */
  readonly queues = new Set<Queue>();
  route: RouteState = { state: 'unasked' };
  /** Set while the route is a relay. */
  destination: Destination | undefined;
  site = '';
  relayKey = '';
  /** Of its mail hosts, or by its name, when it is one we know. */
  provider: string | undefined;
  /** Unknown answers in a row, and the text of the last. */
  failures = 0;
  lastFailure: string | undefined;
  wakeAt: number | undefined;
  readonly #onWake: (domain: Domain) => void;

  constructor(name: DomainName, { key, rule }: RouteChoice, onWake: (domain: Domain) => void) {
    this.name = name;
    this.key = key;
    this.rule = rule;
    this.#onWake = onWake;
  }

  wake(): void {
    this.#onWake(this);
  }

  /** Its route, when it is known and may still be used. */
  freshRoute(now: number): KnownRoute | undefined {
    return this.route.state === 'known' && this.route.until > now ? this.route.route : undefined;
  }
}
