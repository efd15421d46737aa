// What the tests of egress share: messages in a reader, a scheduler that only writes down, grants and attempts.
import { systemClock, type Clock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createEgress, type Egress, type EgressDeps } from '../../src/egress/egress.ts';
import type { EgressOptions } from '../../src/egress/options.ts';
import type {
  AddressClaim,
  Attempt,
  Report,
  SessionClosed,
  SessionGrant,
  SessionReturned,
} from '../../src/flow/attempt.ts';
import type { Domain, ForwardPath, Location, Mailbox, Message, MessageId } from '../../src/flow/message.ts';
import type { Relay } from '../../src/flow/route.ts';
import { DamagedRecord, type MessageReader, type StoredMessage } from '../../src/flow/spool.ts';
import { createResolver } from '../../src/net/resolver.ts';

export function messageOf(id: string, content: Uint8Array, changes: Partial<Message> = {}): Message {
  return {
    id: id as MessageId,
    acceptedAt: 0,
    tenant: 'default',
    user: 'app',
    stream: 'default',
    lifetimeMs: 86_400_000,
    reversePath: 'sender@example.org' as Mailbox,
    forwardPaths: [recipient('one@example.net')],
    body: '7bit',
    smtpUtf8: false,
    requireTls: false,
    size: content.length,
    sha256: '',
    bodySha256: '',
    has8bit: false,
    has8bitHeader: false,
    ...changes,
  };
}

export function recipient(mailbox: string, changes: Partial<ForwardPath> = {}): ForwardPath {
  return { mailbox: mailbox as Mailbox, domain: (mailbox.split('@')[1] ?? '') as Domain, ...changes };
}

export interface Stage {
  readonly egress: Egress;
  readonly reports: Report[];
  readonly claims: AddressClaim[];
  readonly returned: SessionReturned[];
  readonly closed: SessionClosed[];
  readonly readerReads: string[];
  /** Puts a message where the reader finds it; the attempt for it. `damaged`: as a record with flipped bits. */
  attempt(id: string, content: Buffer | string, changes?: Partial<Message> & StageMessage): Attempt;
  /** Resolves when the predicate holds, looked at after every report. */
  until(holds: () => boolean): Promise<void>;
}

export interface StageMessage {
  readonly damaged?: 'at once' | 'on the way';
  readonly isStreamed?: boolean;
  readonly indexes?: readonly number[];
}

export function grantTo(port: number, changes: Partial<SessionGrant> & { readonly relay?: Relay } = {}): SessionGrant {
  return {
    session: 'life-1',
    lane: 'lane',
    source: { name: 'default', ehlo: 'relay.test' },
    relay: relayTo([port]),
    ...changes,
  };
}

export function relayTo(ports: readonly number[], changes: Partial<Relay> = {}): Relay {
  const hosts = ports.map((port) => ({ name: '127.0.0.1', port }));
  return {
    kind: 'relay',
    site: hosts.map(({ name, port }) => `${name}:${port}`).join(','),
    hosts,
    tls: { level: 'opportunistic' },
    explicit: true,
    ...changes,
  };
}

export function startStage(
  options: Partial<EgressOptions> = {},
  deps: Partial<EgressDeps> = {},
  clock: Clock = systemClock,
): Stage {
  const stored = new Map<string, StoredMessage | DamagedRecord>();
  const reports: Report[] = [];
  const claims: AddressClaim[] = [];
  const returned: SessionReturned[] = [];
  const closed: SessionClosed[] = [];
  const readerReads: string[] = [];
  const waiters: { holds: () => boolean; done: () => void }[] = [];
  const look = (): void => {
    for (const waiter of waiters) if (waiter.holds()) waiter.done();
  };
  const reader: MessageReader = {
    read: async (location: Location) => {
      readerReads.push(location.segment);
      const found = stored.get(location.segment);
      if (found === undefined || found instanceof DamagedRecord) throw found ?? new DamagedRecord('no such record');
      return found;
    },
    close: async () => {},
  };
  const random = seededRandom(1);
  const egress = createEgress(
    options,
    { clock, random, log: silentLog, reader, resolver: createResolver({ servers: [] }, { clock, random }), ...deps },
    {
      report: (report) => {
        reports.push(report);
        look();
      },
      claim: (claim) => {
        claims.push(claim);
        look();
      },
      returned: (one) => {
        returned.push(one);
        look();
      },
      closed: (one) => {
        closed.push(one);
        look();
      },
    },
  );
  return {
    egress,
    reports,
    claims,
    returned,
    closed,
    readerReads,
    attempt: (id, content, { damaged, isStreamed = false, indexes, ...changes } = {}) => {
      const octets = Buffer.from(content);
      const message = messageOf(id, octets, changes);
      async function* chunks(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < octets.length; at += 300_000) {
          if (damaged === 'on the way' && at + 300_000 >= octets.length) throw new DamagedRecord('checksum');
          yield octets.subarray(at, at + 300_000);
        }
      }
      const one: StoredMessage = { message, content: chunks, ...(!isStreamed && { whole: octets }) };
      stored.set(id, damaged === 'at once' ? new DamagedRecord('checksum') : one);
      return {
        attempt: `a-${id}`,
        messageId: id as MessageId,
        location: { segment: id, offset: 0, length: octets.length },
        indexes: indexes ?? message.forwardPaths.map((_, at) => at),
        priorAttempts: 0,
      };
    },
    until: (holds) =>
      holds()
        ? Promise.resolve()
        : new Promise<void>((done) => {
            waiters.push({ holds, done });
          }),
  };
}
