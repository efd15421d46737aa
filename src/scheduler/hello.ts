// What an egress process says first to a new scheduler: connections it has open, deliveries it was granted by the
// scheduler before, reports nobody acknowledged. Taken in before anything is granted, so nothing is granted twice.
import type { EgressHello } from '../flow/attempt.ts';
import { queueOf } from '../flow/queue-name.ts';
import type { Spool } from '../flow/spool.ts';
import type { Clock } from '../base/clock.ts';
import type { Addresses } from './addresses.ts';
import type { Egresses } from './egresses.ts';
import type { InFlight, OpenAttempt } from './in-flight.ts';
import type { Egress } from './lane.ts';
import type { Limits } from './limits.ts';
import type { Queues } from './queues.ts';
import type { Reports } from './reports.ts';
import { relayKeyOf } from './destination.ts';
import type { Destinations } from './destinations.ts';

export interface HelloDeps {
  readonly clock: Clock;
  readonly spool: Spool;
  readonly destinations: Destinations;
  readonly limits: Limits;
  readonly addresses: Addresses;
  readonly queues: Queues;
  readonly inFlight: InFlight;
  readonly egresses: Egresses;
  readonly reports: Reports;
}

/** Connections of an earlier life end once what they hold is over: how much they have sent is not known any more. */
export function takeHello(deps: HelloDeps, egress: Egress, hello: EgressHello): void {
  const { egresses, destinations, limits, addresses, reports } = deps;
  for (const report of hello.unacknowledged) reports.report(egress, report);
  for (const grant of hello.sessions) {
    if (egresses.find(grant.session) !== undefined) continue;
    const lane = destinations.of(grant.relay, grant.provider).lane(grant.source);
    const session = egresses.adopt(egress, lane, grant.relay, relayKeyOf(grant.relay), grant.session, grant.without);
    limits.adopted(session);
    if (grant.address !== undefined) addresses.adopted(session, grant.address);
  }
  for (const held of hello.held) takeHeld(deps, held);
  for (const grant of hello.sessions) {
    const session = egresses.find(grant.session);
    if (session !== undefined) egresses.retire(session);
  }
}

function takeHeld(deps: HelloDeps, held: EgressHello['held'][number]): void {
  const { clock, spool, queues, inFlight, egresses, limits } = deps;
  const session = egresses.find(held.session);
  const queued = spool.message(held.messageId);
  if (session === undefined || queued === undefined || inFlight.find(held.attempt) !== undefined) return;
  const isOpen = (index: number): boolean =>
    queued.waiting.some((waiting) => waiting.index === index) && !inFlight.has(held.messageId, index);
  const indexes = held.indexes.filter(isOpen);
  const [first] = indexes;
  // Settled before the scheduler died: its report will come and be acknowledged.
  if (first === undefined) return;
  const queue = queues.get(queueOf(queued.message, first));
  const attempt: OpenAttempt = {
    id: held.attempt,
    session,
    queue,
    queued,
    indexes,
    grantedAt: clock.now(),
    grantedMonotonic: clock.monotonic(),
    paced: limits.granted(session.lane, queue, indexes.length),
    hasIntent: indexes.some((index) => spool.state(`intent/${held.messageId}/${index}`) !== undefined),
    isOver: false,
    isOrdered: true,
  };
  inFlight.begin(attempt);
  spool.pin(queued.location);
  session.outstanding.push(attempt);
}
