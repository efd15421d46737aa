// Every row of the threat model that acceptance, signatures, reports, the spool and delivery answer for (injection, protocol
// state, abuse, exhaustion, remote servers, DNS, storage, networks, stops, secrets), and the tests that show it. The table
// cannot rot: each file and each name must be there.
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { missingTests, type Shown } from './support/named-tests.ts';

const dialogs = (...names: readonly string[]): Shown => ({
  'submission/dialogs.test.ts': ["dialog: ${file.replace('.dialog', '')}"],
  ...Object.fromEntries(names.map((name) => [`dialogs/${name}.dialog`, []])),
});

const SMUGGLING = 'smuggling: ${JSON.stringify(end)} is 550 5.6.11 and the end, in one piece and octet by octet';
const HOSTILE = 'whole relay, ${mode}: hostile MX and DNS get their class and the right next try, and nothing dies';
const FUZZ = 'fuzz: any talk in any segments ends, leaks nothing, and keeps exactly what was answered 250';

const ROWS: Readonly<Record<string, Shown>> = {
  '1 smuggled end of data': {
    'submission/hostile.test.ts': [SMUGGLING],
    'submission/data-scanner.test.ts': [
      'data scanner: ${JSON.stringify(end)} ends nothing and is refused, in one piece and octet by octet',
    ],
  },
  '2 bare CR, NUL around the dot': {
    'submission/hostile.test.ts': [SMUGGLING],
    'submission/fuzz.test.ts': [FUZZ],
    'smtp/transparency.test.ts': [
      'transparency: any content in any cut has every dot doubled, also in a storm of dots',
    ],
  },
  '3 un-stuffing only after CRLF': {
    'submission/hostile.test.ts': [SMUGGLING],
    'submission/data-scanner.test.ts': ['data scanner: reads as the RFC says, whatever comes in whatever pieces'],
  },
  '4 segmentation': {
    'submission/data-scanner.test.ts': ['data scanner: ${name} comes out exactly in every segmentation'],
    'submission/content.test.ts': ['content: octet by octet it is the same, and held in few blocks'],
    'submission/fuzz.test.ts': [FUZZ],
  },
  '5 content before 354, commands behind DATA': dialogs('data-with-everything-at-once', 'content-behind-refused-data'),
  '6 awkward bodies, over retries and restarts': {
    'submission/content.test.ts': ['content: ${name} is kept exactly'],
    'app/kept-mail.slow.test.ts': ['kept mail: every body leaves as it came, after a refusal, a kill and two starts'],
  },
  '7 controls in commands, xtext, AUTH': {
    ...dialogs('addresses', 'mail-parameters', 'rcpt-parameters', 'auth-plain', 'hello', 'bare-lf-command'),
    'report/dsn.test.ts': ['dsn: nothing a remote or a client said makes a header, a line or a part of its own'],
  },
  '8 EHLO that would change Received': {
    ...dialogs('hello'),
    'submission/connections.test.ts': ['hello: a name that could change the field is not repeated in Received'],
    'submission/hostile.test.ts': ['exhaustion: a command line without end and a huge AUTH token are cut off'],
  },
  '9 odd headers': {
    ...dialogs('header-refusals'),
    'submission/bombs.test.ts': [
      'header: what is odd and harmless is taken as it is; what another server would repair is refused',
    ],
    'submission/content.test.ts': [
      'content: Date and Message-ID are added only when absent, behind our Received and before theirs',
      'content: lines over 998 octets are counted, or refused when that is asked for',
    ],
  },
  '11 fields added behind the signature, l=': {
    'mail/dkim.test.ts': [
      'dkim: every field that a reader or a program goes by is signed, and once more than it stands there',
    ],
    'mail/dkim.slow.test.ts': ['dkim: a second Subject, From or Content-Type added afterwards breaks the signature'],
    'app/dkim.slow.test.ts': [
      'DKIM end to end: dkimpy and OpenDKIM accept all four signatures on every awkward message, and no changed one',
    ],
    'config/domains.test.ts': ['domains: a signature is good for a week at least, or for ever'],
  },
  '12 domain of another tenant': {
    ...dialogs('rights'),
    'submission/signing.test.ts': ['signing: nobody writes as a domain of another tenant'],
  },
  '13 commands out of order': dialogs('order', 'starttls', 'auth-in-transaction', 'small-commands'),
  '14 parameters': dialogs('mail-parameters', 'rcpt-parameters'),
  '15 injection behind STARTTLS': {
    ...dialogs('starttls'),
    'submission/hostile.test.ts': ['starttls: what was sent in plain behind it is never run (command injection)'],
  },
  '16 AUTH in plain': {
    'submission/connections.test.ts': [
      'proxy: the client of the header is the one that is judged and named, IPv6 too, then STARTTLS',
    ],
  },
  '17 TLS versions, reload, tickets': {
    'submission/hostile.test.ts': [
      'tls: a session ticket of one listener is worth nothing at another',
      'tls: a renewed certificate is shown from the reload on, and no session is dropped for it',
    ],
    'app/hostile-clients.slow.test.ts': [
      'hostile clients: TLS 1.1 and weak ciphers are refused, and a ticket is good at its own listener alone',
      'hostile clients: a certificate renewed by SIGHUP is shown at once, and no session is dropped',
    ],
  },
  '18 garbage, scans, other protocols': {
    ...dialogs('http', 'tls-on-plain'),
    'submission/hostile.test.ts': [
      'starttls: garbage, an old protocol and a vanishing client end their connection only',
    ],
    'app/hostile-clients.slow.test.ts': [
      'hostile clients: TLS garbage, HTTP, a ClientHello in plain and a port scan end their connections only',
    ],
  },
  '19 relaying for strangers': dialogs('no-auth', 'addresses'),
  '20 guessing passwords': {
    ...dialogs('auth-three-failures', 'auth-limited'),
    'policy/login-budget.test.ts': [
      'login budget: the tenth failure in ten minutes locks an address for fifteen',
      'login budget: the twentieth failure for a user locks it from everywhere',
      'login budget: from the third failure on the next try must wait, twice as long each time',
      'login budget: what it remembers is bounded',
    ],
    'scheduler/intake.test.ts': [
      'intake: logins beyond the budget wait for those in flight, and ten failures lock with a note',
    ],
  },
  '21 known and unknown users look alike': {
    'submission/credentials.test.ts': [
      'credentials: unknown user, user without password and wrong network cost one hash and look like a wrong password',
    ],
    'config/password.test.ts': ['password: the decoy is checked like a real one'],
  },
  '22 a flood of AUTH': {
    'submission/credentials.test.ts': [
      'credentials: 300 wrong passwords at once from 300 addresses: one in flight, 32 waiting, 454 for the rest',
    ],
    'app/many-intakes.slow.test.ts': [
      'many intakes: 300 wrong passwords at once: one check in flight and 32 waiting a process, the rest 454, nobody restarts',
    ],
  },
  '23 a tenant gone wild': {
    ...dialogs('rights', 'rate', 'recipients-per-hour'),
    'policy/fair-order.test.ts': [
      'fair order: tenants share by weight, whatever their queues and the size of their transactions',
    ],
    'scheduler/intake.test.ts': [
      'intake: users have the rate and the recipients that their limits say, others have none',
    ],
  },
  '25 slow clients': {
    'submission/deadlines.test.ts': [
      'deadlines: a silent client and one that trickles a command have the same five minutes',
      'deadlines: content must come at 500 octets a second once its time is used up',
      'deadlines: an hour is the longest session, but an answer being worked on comes first',
      'deadlines: a TLS handshake and a PROXY header have 30 seconds',
      'deadlines: a client that reads no replies is let go',
    ],
  },
  '26 connections and descriptors': {
    'submission/connections.test.ts': [
      'exhaustion: too many sessions of one address, and of all',
      'accept: a socket that cannot accept is told once, and others go on',
    ],
    'spool/segment-writer.test.ts': ['segment writer: no descriptor for a new file is a refusal, not the end'],
    'app/exhaustion.slow.test.ts': [
      'exhaustion: with 64 descriptors a burst of 150 connections ends nothing, and afterwards mail is taken and delivered',
    ],
  },
  '27 lines without end': {
    'submission/hostile.test.ts': ['exhaustion: a command line without end and a huge AUTH token are cut off'],
  },
  '28 floods of commands': {
    ...dialogs('junk'),
    'submission/hostile.test.ts': [
      'exhaustion: 10,000 pipelined commands leave others their turn, and a client that reads nothing is not read',
    ],
  },
  '29 too many recipients': {
    'submission/hostile.test.ts': ['exhaustion: 3,000 recipients, 1,000 taken, the rest 452, the message goes'],
  },
  '30 bombs': {
    'submission/bombs.test.ts': [
      'bomb: a header section ${name} is 552, and the session goes on',
      'bomb: ${name} costs its octets and is kept as it is, for a user whose From is looked at too',
      'bomb: while 10 clients send theirs another one is served',
    ],
    'submission/content-memory.test.ts': ['content: a storm of dots costs octets, not objects'],
    'mail/header-section.test.ts': ['from mailbox: nesting as deep as it can be is read once'],
  },
  '31 clients that vanish within DATA': {
    'submission/connections.test.ts': ['vanishing: clients that go away within a content leave nothing behind'],
    'app/hostile-clients.slow.test.ts': [
      'hostile clients: 150 that vanish within DATA leave no message, no descriptor and no content',
    ],
  },
  '32 more content than memory': {
    'submission/content-memory.test.ts': [
      'content: when all sessions together hold too much, small ones go to files too',
      'content: twenty large messages at once stay within the memory there is, and all arrive',
    ],
    'app/exhaustion.slow.test.ts': [
      'exhaustion: 320 MB in 80 messages at once lie in files, not in memory, and all are kept',
    ],
  },
  '33 hostile receivers': {
    'egress/hostile.test.ts': [
      'hostile server: ${name} is a failure of the session, and the attempt comes back',
      'hostile server: ${name} settles by state',
      'hostile server: a reply that trickles in does not move the deadline',
      'hostile server: replies before their commands do not answer them',
    ],
    'smtp/reply-parser.test.ts': [
      'reply parser: an endless reply, an endless line and a megabyte end it at its bounds',
    ],
    'smtp/client-session.test.ts': [
      'client session: whatever a server says, every transaction begun ends once, and nothing follows the end',
    ],
    'egress/chaos.test.ts': [
      'egress: whatever servers do, every attempt comes back once and nothing that arrived is called not begun',
    ],
    'app/routing.slow.test.ts': [HOSTILE],
  },
  '35 domains that take no mail': {
    'egress/router.test.ts': ['router: ${name} gives ${want}'],
    'scheduler/scheduler.test.ts': [
      'scheduler: a domain that takes no mail fails, a discard route takes it, and no connection is made',
    ],
    'e2e.slow.test.ts': ['a null MX settles as failed', 'a domain with an address and no MX gets its mail'],
    'app/routing.slow.test.ts': [HOSTILE],
  },
  '36 addresses that are none of theirs': {
    'net/address.test.ts': [
      'address: ${address} is forbidden: ${want}',
      'address: one canonical form for every spelling, and this host knows its own',
    ],
    'egress/targets.test.ts': [
      'targets: IPv4 before IPv6, every address once, those of forbidden ranges told and left out',
    ],
    'egress/session.test.ts': [
      'egress session: hosts found by DNS are not connected on loopback or private addresses; a route may',
    ],
    'egress/router.test.ts': ['router: address literals are not routed'],
    'app/routing.slow.test.ts': [HOSTILE],
  },
  '37 loops and crowds in DNS': {
    'net/resolver.test.ts': [
      'resolver: a loop of CNAMEs is temporary, in one answer or over many, and so is too long a chain',
      'resolver: a cut answer is asked again over TCP; 400 MX come whole',
    ],
    'net/dns-message.test.ts': ['DNS message: junk behind the MX data makes no record that was not there'],
    'egress/router.test.ts': ['router: of 400 MX the best twenty, always the same site'],
    'egress/session.test.ts': [
      'egress session: at most five addresses and two greetings are tried, and a reply tells more than an error',
    ],
    'app/routing.slow.test.ts': [HOSTILE],
  },
  '38 DNS in trouble': {
    'net/resolver.test.ts': [
      'resolver: ${name} is trouble, kept for a moment only, and the second server is asked',
      'resolver: questions in flight are bounded, and those that wait too',
      'resolver: absence is kept as long as the SOA says, NXDOMAIN apart from no records',
      'resolver: a dead server is trouble at once',
    ],
    'scheduler/scheduler.test.ts': ['scheduler: while DNS is silent the domain waits and one delivery tells why'],
    'app/routing.slow.test.ts': [HOSTILE],
  },
  '40 mail loops': {
    ...dialogs('header-refusals'),
    'feedback/feedback.test.ts': [
      'feedback: a report that fails is answered by nobody, and so is mail without a reverse-path',
      'feedback: 500 failures to one reverse-path make 100 reports and, at the end of the hour, one digest',
    ],
  },
  '41 reports as a weapon': {
    ...dialogs('rights'),
    'submission/signing.test.ts': ['signing: nobody writes as a domain of another tenant'],
    'feedback/wanted.test.ts': [
      'wanted: NOTIFY comes before the stream, for every outcome',
      'wanted: nobody is answered without a reverse-path, nor because of a report',
    ],
    'feedback/feedback.test.ts': [
      'feedback: a report that fails is answered by nobody, and so is mail without a reverse-path',
      'feedback: RET=FULL brings the message back when it is small, RET=HDRS its header',
      'feedback: 500 failures to one reverse-path make 100 reports and, at the end of the hour, one digest',
    ],
    'report/hostile.test.ts': ['reports: a thousand recipients with long replies make a report of bounded size'],
    'app/feedback.slow.test.ts': ['feedback: of a message of 10 MB with RET=FULL the report brings its header back'],
  },
  '42 kills': {
    'harness.slow.test.ts': [
      'kill -9 of everything, single',
      'kill -9 of everything, split',
      'kill -9 of one process, split',
      'kill -9 at one ${call} after the other, single',
      'accepted is delivered over kill -9',
      'accepted is delivered over kill -9 while 20 clients never pause',
      'accepted is delivered over kill -9 of one process, and by the accounting files nothing waits longer than 10 s',
      'accepted is delivered over a kill at one fdatasync after the other',
    ],
    'simulation.test.ts': ['simulation: ${SEEDS} seeds of faults, and every delivery ends exactly once'],
    'spool/spool-model.test.ts': [
      'disk spool: any history of crashes and faults keeps every message and every outcome',
    ],
  },
  '43 power cuts': {
    'harness.slow.test.ts': [
      'two power cuts in a row, single',
      'two power cuts in a row, split',
      'shared harness: accepted survives power cuts',
    ],
    'spool/files-model.test.ts': ['spool files: any history of crashes and faults keeps what was acknowledged'],
  },
  '44 storage rolled back': {
    'harness.slow.test.ts': ['storage rolled back twice without a reboot, single'],
  },
  '45 full disk': {
    ...dialogs('refused-disk', 'refused-queue'),
    'harness.slow.test.ts': [
      'a full file system of 48 MB',
      '${error} from ${call}, ${processes[1]}',
      'shared harness: on a full disk delivery goes on and nothing is lost',
    ],
    'spool/segment-writer.test.ts': [
      'segment writer: on a full disk it refuses, cuts back to the last whole record and goes on when there is room',
    ],
    'spool/journal.test.ts': [
      'journal: on a full disk it goes on in the room it has, gives up the ballast, and only then ends',
    ],
  },
  '46 a disk that fails': {
    'harness.slow.test.ts': ['${error} from ${call}, ${processes[1]}', 'an fdatasync of 12 s'],
    'spool/die.test.ts': ['end after a failed sync: one line, then SIGKILL, and nothing after it'],
    'spool/segment-writer.test.ts': [
      'segment writer: after a failed sync or write nobody is answered, and nothing is written any more',
    ],
    'submission/content.test.ts': ['content: when nobody knows whether it is durable, there is no reply'],
  },
  '47 a corrupt spool': {
    'app/kept-mail.slow.test.ts': [
      'kept mail: flipped bits, a cut segment and a lost file cost their own messages, are told, and block nobody',
    ],
    'app/refused-start.slow.test.ts': [
      'refused start: a spool of a newer format is 78, in one process and in several',
      'refused start: a second relay or command on the same spool is 78 and harms neither',
    ],
    'spool/segment-damage.test.ts': [
      'segment damage: a flipped bit anywhere in a record costs that record and no other',
      'segment damage: a forged record inside a body is never read as one',
    ],
  },
  '48 upgrade and downgrade': {
    'app/refused-start.slow.test.ts': ['refused start: a spool of a newer format is 78, in one process and in several'],
    'spool/kept-format.test.ts': ['kept format: a spool of format 1 opens, and all that waited in it is there'],
  },
  '49 the clock steps': {
    'submission/deadlines.test.ts': ['deadlines: a step of the wall clock ends no session and keeps none alive'],
    'spool/journal.test.ts': ['journal: files keep their order when the clock was set back'],
    'scheduler/trouble.test.ts': [
      'trouble: the wall clock steps a day ahead or back, and mail goes on without a mass expiry or a standstill',
    ],
    'scheduler/warmup.test.ts': [
      'warm-up budgets: a clock that steps by a day, forth or back or both, gives no day twice and takes none',
      'warm-up budgets: a restart with a clock a day behind goes on with the day, one far behind begins by that clock',
    ],
  },
  '50 bad networks': {
    'weather.slow.test.ts': ['weather: ${name}, and all mail arrives, no copy without a reason'],
    'simulation.test.ts': ['simulation: ${SEEDS} seeds of faults, and every delivery ends exactly once'],
  },
  '51 lost replies': {
    'harness.slow.test.ts': ['a receiver whose 250 is lost at times gets each of those again, and no other'],
    'egress/hostile.test.ts': [
      'hostile server: ${name} settles by state',
      'hostile server: 250 nine minutes after the dot is delivered, silence ends after ten as perhaps delivered',
    ],
    'scheduler/trouble.test.ts': [
      'trouble: duplicates never: the intent is synced before anything is sent, and a lost reply ends as unknown',
    ],
    'outcome/settle.test.ts': [
      'settle: a connection that breaks after the dot is perhaps delivered, and never sent twice where that is asked',
    ],
  },
  '52 stops and starts': {
    ...dialogs('refused-stopping'),
    'harness.slow.test.ts': [
      'an orderly stop makes no second copy, ${processes}',
      'orderly stops, single',
      'orderly stops, split',
    ],
    'scheduler/trouble.test.ts': ['trouble: a stop waits for what is on its way and gives back what is not'],
    'app/serve.slow.test.ts': [
      'serve: one process serves, reloads on SIGHUP, keeps others off its spool and port, and stops on SIGTERM',
    ],
  },
  '53 secrets': {
    'feedback/feedback.test.ts': ['feedback: RET=FULL brings the message back when it is small, RET=HDRS its header'],
    'report/hostile.test.ts': [
      'reports: whatever is said, a report has our fields, our parts and lines that any server takes',
    ],
    'submission/connections.test.ts': ['canary: no password, AUTH line, address or content is in any log line'],
    'app/hostile-clients.slow.test.ts': [
      'hostile clients: no password, AUTH line, key or content is in the log, the API, the process or any reply',
    ],
  },
  '54 injection into the log': {
    'report/dsn.test.ts': ['dsn: nothing a remote or a client said makes a header, a line or a part of its own'],
    'report/hostile.test.ts': [
      'reports: whatever is said, a report has our fields, our parts and lines that any server takes',
      'digests: whatever is said, a digest has our fields and lines that any server takes',
    ],
    'telemetry/log.test.ts': ['log: what a peer sent cannot make a second line'],
    'app/hostile-clients.slow.test.ts': [
      'hostile clients: what they say makes one line of JSON each, and the reply of a remote too',
      'hostile clients: after all of it every line of the log is one of ours, none is an error but the reload, and it stops in order',
    ],
  },
};

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_unused, at) => from + at);

test('reliability rows: each has its tests, and every one of them is there', () => {
  const wanted = [...range(1, 9), ...range(11, 23), ...range(25, 33), ...range(35, 38), ...range(40, 54)];
  deepEqual(
    Object.keys(ROWS).map((row) => Number.parseInt(row, 10)),
    wanted,
  );
  deepEqual(missingTests(ROWS), []);
});
