// What is known to have gone wrong in other relays, in the words of what it would do to an operator, and the tests that
// keep it from happening here. The table cannot rot: each file and each name must be there.
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { missingTests, type Shown } from './support/named-tests.ts';

const SIMULATION = 'simulation: ${SEEDS} seeds of faults, and every delivery ends exactly once';

const ROWS: Readonly<Record<string, Shown>> = {
  // ── connections and caps ───────────────────────────────────────────────────────────────────────────────────────
  'of several idle connections only one is ever used again': {
    'scheduler/lanes.test.ts': [
      'lanes: of several idle connections all are used again at once, not the first alone, and none is opened beside them',
      'lanes: an idle connection gives its slot at once to another site of the lane, and only as many as are wanted',
    ],
  },
  'a slot that comes free is noticed seconds later': {
    'scheduler/caps.test.ts': [
      'caps: while everything that waits is at a cap of connections, one that ends is followed by the next within milliseconds',
    ],
  },
  'what waits for a cap costs processor and writes': {
    'scheduler/caps.test.ts': [
      'caps: 10,000 deliveries behind one a second cost no write but the outcomes, and hardly a look',
    ],
    'scheduler/pace.test.ts': ['pace: ten thousand behind one a second: the journal gets outcomes and nothing else'],
  },
  'a full queue puts everybody off by chance, urgent mail behind bulk': {
    'scheduler/order.test.ts': [
      'order: urgent mail behind 100,000 bulk messages at one provider waits only for transactions that have begun (${recallMs ?? 0} ms to egress)',
      'order: a destination that had no connection is served before one that keeps all of them busy (starvation)',
    ],
    'scheduler/queue.test.ts': [
      'queue: whatever happens to its head, it gives out in order all that is due and not in flight',
    ],
    'scheduler/caps.test.ts': [
      'caps: urgent mail is the next that a capped lane, a capped source and a full host let go',
    ],
  },
  'a limit of so many a day, or a burst, begins anew with every restart': {
    'scheduler/caps.test.ts': [
      'caps: a burst that was not used is there after kill -9, one that was is not, and nothing pauses for hours',
    ],
    'policy/pacer.test.ts': [
      'pacer: after a restart the rate goes on as if the earlier life had used all of it, and its burst last',
    ],
    'scheduler/warmup.test.ts': [
      'warm-up budgets: killed at any moment, no day exceeds its budget by one recipient, and little of it is lost',
    ],
    'simulation.test.ts': [SIMULATION],
  },

  // ── crashes ────────────────────────────────────────────────────────────────────────────────────────────────────
  'a kill loses what was accepted': {
    'harness.slow.test.ts': ['accepted is delivered over kill -9', 'kill -9 of everything, split'],
    'simulation.test.ts': [SIMULATION],
  },
  'a kill behind the 250 of a remote makes more than one further copy': {
    'scheduler/trouble.test.ts': [
      'trouble: killed again and again while a remote has it, a message has a copy a kill more at most, and no life waits for a lock of the one before',
    ],
    'simulation.test.ts': [SIMULATION],
  },
  'a lock outlives who held it, and mail or a start waits for it': {
    'scheduler/trouble.test.ts': [
      'trouble: an egress process dies, and what it held returns at once as perhaps delivered',
      'trouble: killed again and again while a remote has it, a message has a copy a kill more at most, and no life waits for a lock of the one before',
    ],
    'app/spool-lock.test.ts': ['spool lock: holds until the last child that inherited it has ended'],
    'config/users.test.ts': [
      'users file: of two changes at once the second is told to try again; what a crash left behind is no lock',
    ],
    'scheduler/intake.test.ts': ['intake: a claim ends when its holder says so, asks anew, or its process is gone'],
  },

  // ── routes and sources ─────────────────────────────────────────────────────────────────────────────────────────
  'mail is stuck with a source that the configuration no longer has': {
    'scheduler/sources.test.ts': [
      'sources: a reload that adds, disables and removes some rewrites nothing and loses nothing',
      'sources: a drain stands after a restart, and one of a source that is gone can be ended',
    ],
    'scheduler/greylisted.test.ts': ['greylisted: a source that may not send any more holds nothing back'],
    'scheduler/scheduler.test.ts': [
      'scheduler: a name nobody knows holds the mail with an alarm, until a reload knows it',
    ],
  },
  'trouble in DNS bounces mail': {
    'net/resolver.test.ts': ['resolver: ${name} is trouble, kept for a moment only, and the second server is asked'],
    'scheduler/scheduler.test.ts': [
      'scheduler: while DNS is silent the domain waits and one delivery tells why',
      'scheduler: after trouble in DNS a domain is asked again by the plan of the stream that waits least, whoever came first',
    ],
    'app/routing.slow.test.ts': [
      'whole relay, ${mode}: hostile MX and DNS get their class and the right next try, and nothing dies',
    ],
  },
  'a certificate of another name, or a broken handshake, bounces mail': {
    'egress/tls.test.ts': [
      'egress TLS: STARTTLS when offered, whatever the certificate, and the facts are reported',
      'egress TLS: a broken handshake is followed by plain delivery, and the host is remembered',
      'egress TLS: required and not offered, refused or broken, nothing is sent',
    ],
    'outcome/judge.test.ts': ['judge: what broke without a reply is temporary; only what can never go out fails'],
  },
  'one dead address of a host bounces mail': {
    'egress/session.test.ts': [
      'egress session: of two addresses of one host a dead one, whichever comes first, costs a refusal and not the message',
      'egress session: a dead or refusing host is followed by the next one',
    ],
  },
  'what was once found out about a domain is kept for ever': {
    'scheduler/scheduler.test.ts': [
      'scheduler: mail that waits for a dead host goes to the new one once DNS names it, without a restart or an operator',
      'scheduler: 2,000 deliveries that wait for a dead host make a handful of connections, then go out',
    ],
    'scheduler/pace.test.ts': [
      'pace: a lane that is throttled to the floor heals without a restart and without an operator',
    ],
    'scheduler/suspension.test.ts': [
      'suspension: after its time one delivery probes; refused, all waits again; taken, the lane begins at one connection',
    ],
    'scheduler/no-names.test.ts': [
      'no names: a domain that is there after all is delivered to, and the first answer is forgotten',
    ],
    'egress/tls.test.ts': ['egress TLS: a host whose handshake broke is spoken to with TLS again after an hour'],
  },
  'what is said of one domain applies, by luck, to all that share its mail hosts': {
    'scheduler/routing.test.ts': [
      'routing: of a thousand domains at one site those with a rule of their own go by it, and no other does, whoever comes first',
      'routing: tenant, stream, campaign and From domain choose pool and host',
    ],
    'egress/router.test.ts': ['router: port, TLS and address rule of the question stand in the route'],
  },

  // ── content and recipients ─────────────────────────────────────────────────────────────────────────────────────
  'recipients are taken from the header, or lost when there are many': {
    'submission/content.test.ts': [
      'content: recipients are those of RCPT alone, whatever To, Cc, Bcc and From say',
      'content: the envelope is kept as the client gave it',
    ],
    'scheduler/scheduler.test.ts': [
      'scheduler: 500 recipients get one copy each, whatever the remote takes of them in one transaction',
    ],
    'submission/hostile.test.ts': ['exhaustion: 3,000 recipients, 1,000 taken, the rest 452, the message goes'],
  },
  'invitations, doubled fields and 8-bit text arrive changed': {
    'support/awkward-mail.ts': ['an invitation', 'duplicate fields', '8-bit header', 'Latin-1 body'],
    'submission/content.test.ts': ['content: whatever is known to be awkward, an invitation among it, is kept exactly'],
    'app/dkim.slow.test.ts': [
      'DKIM end to end: dkimpy and OpenDKIM accept all four signatures on every awkward message, and no changed one',
    ],
    'app/kept-mail.slow.test.ts': ['kept mail: every body leaves as it came, after a refusal, a kill and two starts'],
  },
  'a bare LF ends lines': {
    'submission/data-scanner.test.ts': [
      'data scanner: ${JSON.stringify(end)} ends nothing and is refused, in one piece and octet by octet',
    ],
    'dialogs/bare-lf-command.dialog': [],
  },

  // ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────
  'retries come at other times than documented, or all together': {
    'app/scheduler-options.test.ts': [
      'retries: a delivery that is always put off is tried when the reference says, never in step with others, until its lifetime',
    ],
    'config/reference.test.ts': ['reference: read as a configuration it is the defaults'],
    'policy/retry-plan.test.ts': [
      'retry plan: each delay is within a quarter of the planned one, and the last repeats',
      'retry plan: the jitter is spread over the whole range',
    ],
  },

  // ── what clients and servers are told and say ──────────────────────────────────────────────────────────────────
  'a limit of ours makes a client give its message up': {
    'submission/over-limits.test.ts': [
      'over a limit: ${what} is 4xx, and the same message is taken once when it is over',
    ],
    'submission/connections.test.ts': ['exhaustion: too many sessions of one address, and of all'],
  },
  'a refusal of several lines in place of a greeting bounces mail or ends the process': {
    'egress/hostile.test.ts': [
      'hostile server: ${name} is a failure of the session, and the attempt comes back',
      '554 for a greeting over several lines',
    ],
    'outcome/judge.test.ts': [
      'judge: a greeting of several lines is read as one text, and no mail fails for it, whatever its code',
    ],
    'smtp/reply-parser.test.ts': ['an enhanced code behind the first line counts'],
  },
  'a line that is no reply bounces mail or ends the process': {
    'egress/hostile.test.ts': [
      'hostile server: ${name} settles by state',
      'a line that is no reply to RCPT',
      'a line that is no reply to the dot',
      'a greeting that is no reply',
    ],
    'smtp/client-session.test.ts': [
      'client session: whatever a server says, every transaction begun ends once, and nothing follows the end',
    ],
  },

  // ── rules about replies, and providers ─────────────────────────────────────────────────────────────────────────
  'after so many within a time: another time is used, or hits count twice': {
    'policy/suppression-hits.test.ts': [
      'suppression hits: what lies before the window does not count, whatever the entry then lasts',
      'suppression hits: a message is one hit however often it is tried, and the last of enough ends the count',
      'suppression hits: rules of one category count together, each in its own window',
    ],
    'scheduler/campaigns.test.ts': ['campaigns: resumed it needs a sample of its own before it is held again'],
    'policy/campaign-breaker.test.ts': [
      'campaign breaker: a window counts all of the last hour, nothing older than it and a twelfth, also in a later life',
    ],
  },
  'what a provider says at one of its sites is not held against the others': {
    'scheduler/suspension.test.ts': [
      'suspension: a block at one site of ${name} (${lanes} lanes) stops the source at all of its sites, and nowhere else',
    ],
    'scheduler/pace.test.ts': ['pace: a throttle at one site of a provider slows all of them, and no other lane'],
    'scheduler/suppression-by-reply.test.ts': [
      'suppression by reply: unknown users are counted over all sites of a provider, none of which has enough alone',
    ],
    'scheduler/caps.test.ts': [
      'caps: connections of a group are counted over its lanes, those of a source over everything it sends to',
    ],
  },
  'a rule or a provider that can never be met passes the check': {
    'config/load-rules.test.ts': [
      'rule files: a provider that can match no mail host is an error',
      'rule files: a rule or an alias for a provider that nobody has is an error, by another name of one it decides',
      'rule files: a second code of one kind is an error, and so is a provider that others before it leave nothing to',
    ],
    'rules/lint.test.ts': ['lint: nothing is wrong with the shipped rules'],
    'rules/classify.test.ts': ['classify: the shipped rules have no problem, and each takes its own sample'],
    'policy/provider.test.ts': ['provider: every shipped provider is found by its own names'],
  },
  'an override of a provider is lost in silence': {
    'config/load-rules.test.ts': [
      'rule files: everything that is said of a shipped provider can be overridden alone, and loses none of the rest',
    ],
  },
  'two rules with the same words both act': {
    'rules/lint.test.ts': ['lint: a rule that another takes everything from is found, whoever owns the other'],
    'rules/classify.test.ts': ['classify: of two rules with the same words the first alone acts'],
  },
};

test('peers’ regressions: each has its tests, and every one of them is there', () => {
  deepEqual(missingTests(ROWS), []);
});
