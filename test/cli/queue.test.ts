import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/random.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import type { MessageReport, QueueReport } from '../../src/flow/operations.ts';
import { stage } from './stage.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const ID = newMessageId(NOW, systemRandom);

const report = (now: number): QueueReport => ({
  messages: 1,
  deliveries: 1234,
  inFlight: 2,
  sessions: 1,
  providers: [
    {
      name: 'google',
      kind: 'provider',
      waiting: 1200,
      inFlight: 2,
      sessions: 1,
      perMinute: 29.6,
      waits: [
        {
          deliveries: 1100,
          wait: { for: 'turn' },
          text: 'the pace of out1/google: 30 a minute, lowered 3m ago: 421 4.7.28 slow\u001b[2J down (rule google-rate)',
        },
        { deliveries: 100, wait: { for: 'turn' }, text: 'held, paused: tenant/acme' },
      ],
      drain: { is: 'empty-about', at: now + 2_400_000, held: 100 },
      empties: 'about in 40m',
    },
    {
      name: 'mx1.hosts-of-one-domain.example,mx2.hosts-of-one-domain.example',
      kind: 'site',
      domain: 'example.org',
      waiting: 34,
      inFlight: 0,
      sessions: 0,
      perMinute: 0,
      waits: [{ deliveries: 34, wait: { for: 'turn' }, text: 'an answer from DNS' }],
      drain: { is: 'unknown', held: 0 },
      empties: 'not known',
    },
  ],
  others: { providers: 1200, waiting: 30_000, inFlight: 7 },
  domains: [
    {
      domain: 'example.net',
      waiting: 1200,
      firstDueAt: now + 300_000,
      sessions: 1,
      inFlight: 2,
      wait: { for: 'next-attempt', until: now + 300_000 },
      waitsFor: '451 try\u001b[2J later',
    },
    {
      domain: 'example.org',
      waiting: 34,
      firstDueAt: now - 5,
      sessions: 0,
      inFlight: 0,
      wait: { for: 'turn' },
      waitsFor: '',
    },
  ],
  alarms: [{ type: 'alarm', at: NOW, alarm: 'slow-sync', text: 'the disk takes 12 s' }],
  paused: ['tenant/acme'],
  moved: [{ mark: 'campaign/acme/spring', pool: 'warm' }],
  reportsOwed: 3,
  keyless: [
    { domain: 'shop.example', messages: 1200 },
    { domain: 'b.example', messages: 1 },
  ],
  counters: { accepted: 5000, delivered: 0, signedByOperator: 1201 },
});

test('queue: totals, alarms, pauses and domains; nothing moves the cursor', async (t) => {
  const at = stage(t);
  const asked = await at.relay({ 'GET /v1/queue?providers=10&domains=20': { body: report(at.clock.now()) } });
  const { code, out } = await at.run(['queue']);
  assert.equal(code, EXIT.ok);
  assert.deepEqual(asked, ['GET /v1/queue?providers=10&domains=20']);
  assert.equal(
    out,
    [
      '1,234 deliveries of 1 message wait; 2 in flight on 1 connection',
      '3 reports are owed to senders',
      'since the start: accepted 5,000, signed by the operator alone 1,201',
      'no key for: shop.example 1,200, b.example 1 (postilion domain add gives one)',
      'paused: tenant/acme',
      'moved: campaign/acme/spring to the pool warm',
      'ALARM 2026-01-02T03:04:05.000Z slow-sync: the disk takes 12 s',
      '',
      'PROVIDER     WAITING  IN FLIGHT  CONN  PER MIN  EMPTIES',
      'google         1,200          2     1       30  about in 40m',
      '  1,100 wait for the pace of out1/google: 30 a minute, lowered 3m ago: 421 4.7.28 slow?[2J down (rule google-rate)',
      '  100 are held, paused: tenant/acme',
      'example.org       34          0     0        0  not known',
      '  waits for an answer from DNS',
      'and 30,000 for 1,200 others, 7 in flight',
      '',
      'DOMAIN       WAITING  IN FLIGHT  CONN  NEXT   WAITS FOR',
      'example.net    1,200          2     1  in 5m  451 try?[2J later',
      'example.org       34          0     0  now',
      '',
    ].join('\n'),
  );
  await at.run(['queue', '--domains', '3', '--providers', '2']);
  assert.equal(asked[1], 'GET /v1/queue?providers=2&domains=3');
});

test('queue: of one it speaks as of one', async (t) => {
  const at = stage(t);
  const body = { ...report(at.clock.now()), deliveries: 1, messages: 1, inFlight: 0, sessions: 2, reportsOwed: 1 };
  await at.relay({ 'GET /v1/queue?providers=10&domains=20': { body } });
  const { out } = await at.run(['queue']);
  assert.match(out, /^1 delivery of 1 message waits; 0 in flight on 2 connections\n1 report is owed to senders\n/);
});

test('queue: without a relay 69, with a half edited configuration it still works', async (t) => {
  const at = stage(t);
  const none = await at.run(['queue']);
  assert.equal(none.code, EXIT.noRelay);
  assert.match(none.note, /^postilion: no relay is running here: nobody listens at .*control.sock\n$/);
  writeFileSync(join(at.configDir, 'postilion.yaml'), 'hostnam: x');
  await at.relay({ 'GET /v1/queue?providers=10&domains=20': { body: report(0) } });
  const ran = await at.run(['queue', '--json']);
  assert.equal(ran.code, EXIT.ok);
  assert.deepEqual(JSON.parse(ran.out), report(0));
});

test('control client: each refusal has its exit code, and an answer that is none is not believed', async (t) => {
  const table: [number, unknown, number, RegExp][] = [
    [400, { error: 'bad-request', message: 'no' }, EXIT.usage, /no/],
    [404, { error: 'not-found', message: 'no such pause' }, EXIT.no, /no such pause/],
    [422, { error: 'configuration', message: 'a\nb' }, EXIT.configuration, /a\nb/],
    [500, { error: 'internal', message: 'see the log' }, EXIT.invariant, /see the log/],
    [503, { error: 'away', message: 'the scheduler is away' }, EXIT.tryAgain, /away/],
    [418, { error: 'teapot' }, EXIT.tryAgain, /answered 418/],
    [200, 'not json', EXIT.tryAgain, /answered 200/],
  ];
  for (const [status, body, code, words] of table) {
    await t.test(`control client: ${status} is ${code}`, async (inner) => {
      const at = stage(inner);
      await at.relay({ 'POST /v1/reload': { status, body } });
      const ran = await at.run(['reload']);
      assert.equal(ran.code, code);
      assert.match(ran.note, words);
    });
  }
});

test('queue pause, resume and retry: the option names the mark', async (t) => {
  const at = stage(t);
  const done = { body: { done: true } };
  const asked = await at.relay({
    'POST /v1/queue/pause': done,
    'POST /v1/queue/resume': done,
    'POST /v1/queue/retry': { body: { queues: 3 } },
  });
  assert.equal((await at.run(['queue', 'pause'])).out, 'all: paused\n');
  assert.equal((await at.run(['queue', 'pause', '--domain', 'Example.NET'])).out, 'domain/example.net: paused\n');
  assert.equal((await at.run(['queue', 'resume', '--campaign', 'acme/spring'])).out, 'campaign/acme/spring: resumed\n');
  assert.equal((await at.run(['queue', 'pause', '--route', 'routes[2]'])).out, 'route/routes[2]: paused\n');
  assert.equal((await at.run(['queue', 'resume', '--pool', 'bulk'])).out, 'pool/bulk: resumed\n');
  assert.equal((await at.run(['queue', 'retry', '--domain', 'example.net'])).out, '3 queues are due now\n');
  assert.deepEqual(JSON.parse((await at.run(['queue', 'retry', '--json'])).out), { queues: 3 });
  assert.deepEqual(asked, [
    'POST /v1/queue/pause {"mark":"all"}',
    'POST /v1/queue/pause {"mark":"domain/example.net"}',
    'POST /v1/queue/resume {"mark":"campaign/acme/spring"}',
    'POST /v1/queue/pause {"mark":"route/routes[2]"}',
    'POST /v1/queue/resume {"mark":"pool/bulk"}',
    'POST /v1/queue/retry {"domain":"example.net"}',
    'POST /v1/queue/retry {}',
  ]);
});

test('reload: a line for each change, and what waits for a restart', async (t) => {
  const at = stage(t);
  const body = {
    configuration: 3,
    changes: ['caps.connections: 10 -> 20'],
    warnings: ['hostname waits for a restart'],
  };
  await at.relay({ 'POST /v1/reload': { body } });
  const { out } = await at.run(['reload']);
  assert.equal(
    out,
    'caps.connections: 10 -> 20\nwarning: hostname waits for a restart\nconfiguration 3 is in force: 1 changed\n',
  );
  assert.deepEqual(JSON.parse((await at.run(['reload', '--json'])).out), body);
});

const message = {
  id: ID,
  acceptedAt: NOW,
  tenant: 'default',
  user: 'app1',
  stream: 'default',
  lifetimeMs: 1000,
  reversePath: '',
  forwardPaths: [
    { mailbox: 'a@example.net', domain: 'example.net' },
    { mailbox: 'b@example.net', domain: 'example.net' },
  ],
  size: 20_480,
  sha256: 'ab',
  bodySha256: 'cd',
};

const outcome = (index: number, kind: string) => ({
  type: 'outcome',
  at: NOW,
  messageId: ID,
  index,
  outcome: kind,
  forwardPath: message.forwardPaths[index]?.mailbox,
  reversePath: '',
  tenant: 'default',
  user: 'app1',
  stream: 'default',
  acceptedAt: NOW,
  size: 20_480,
  rule: 'code',
  remote: { host: 'mx.example.net', address: '192.0.2.1', port: 25 },
  reply: { code: 451, enhanced: '4.7.1', lines: ['later'] },
});

test('message show: what waits and what became of the rest', async (t) => {
  const at = stage(t);
  const now = at.clock.now();
  const waiting = [{ messageId: ID, index: 1, dueAt: now + 60_000, attempts: 1, lastReply: '451 later' }];
  const body = {
    id: ID,
    queued: { message, location: { segment: 's', offset: 0, length: 1 }, expiresAt: now + 7_200_000, waiting },
    outcomes: [
      outcome(0, 'delivered'),
      {
        ...outcome(1, 'deferred'),
        source: 'out1',
        conversation: ['0 S: 220 mx', '12 C: EHLO \u001b[2J', '… 7 lines', '14 *: TLSv1.3'],
      },
    ],
    reports: [{ id: '01kreport', kind: 'failed', state: 'owed' }],
  } as unknown as MessageReport;
  await at.relay({ [`GET /v1/messages/${ID}`]: { body } });
  const { out } = await at.run(['message', 'show', ID.toUpperCase()]);
  assert.match(out, /^reverse path: {2}<>$/m);
  assert.match(out, /^forward paths: ?a@example.net b@example.net$/m);
  assert.match(out, /^state: +queued$/m);
  assert.match(out, /^expires: +in 2h$/m);
  assert.match(out, /^01kreport +failed +owed, not made yet$/m);
  assert.match(out, /^b@example.net +1 {2}in 1m +451 later$/m);
  assert.match(out, /^2026-01-02T03:04:05.000Z {2}a@example.net {2}delivered {2}mx.example.net {2}451 4.7.1 later$/m);
  const said = out.slice(out.indexOf('conversation'));
  assert.equal(
    said.split('\n\n')[0],
    [
      'conversation with mx.example.net [192.0.2.1]:25 from out1, 2026-01-02T03:04:05.000Z: b@example.net deferred',
      '      0 ms  < 220 mx',
      '     12 ms  > EHLO ?[2J',
      '              … 7 lines',
      '     14 ms  * TLSv1.3',
    ].join('\n'),
  );
  const json = JSON.parse((await at.run(['message', 'show', '--json', ID])).out) as Record<string, unknown>;
  const { waiting: _w, outcomes: _o, reports: _r, expires_at: _e, ...fields } = json;
  assert.deepEqual(fields, {
    id: ID,
    accepted_at: '2026-01-02T03:04:05.000Z',
    user: 'app1',
    tenant: 'default',
    stream: 'default',
    reverse_path: '',
    forward_paths: ['a@example.net', 'b@example.net'],
    size: 20_480,
    sha256: 'ab',
    body_sha256: 'cd',
    state: 'queued',
  });
});

test('message show: once its record is gone the outcomes tell; an unknown id is a no', async (t) => {
  const at = stage(t);
  await at.relay({ [`GET /v1/messages/${ID}`]: { body: { id: ID, outcomes: [outcome(0, 'delivered')] } } });
  const json = JSON.parse((await at.run(['message', 'show', '--json', ID])).out) as Record<string, unknown>;
  assert.deepEqual([json['state'], json['user'], json['forward_paths']], ['settled', 'app1', ['a@example.net']]);
  const other = newMessageId(NOW, systemRandom);
  assert.equal((await at.run(['message', 'show', other])).code, EXIT.no);
});

test('message retry and cancel: by id', async (t) => {
  const at = stage(t);
  const asked = await at.relay({
    [`POST /v1/messages/${ID}/retry`]: { body: { done: true } },
    [`POST /v1/messages/${ID}/cancel`]: { body: { cancelled: 1 } },
  });
  assert.equal((await at.run(['message', 'retry', ID])).out, `${ID}: due now\n`);
  assert.equal((await at.run(['message', 'cancel', ID])).out, `${ID}: 1 delivery cancelled\n`);
  assert.deepEqual(asked, [`POST /v1/messages/${ID}/retry`, `POST /v1/messages/${ID}/cancel`]);
});

test('source list, drain, enable: what may send, and a drain that is ended', async (t) => {
  const at = stage(t);
  const out1 = { name: 'out1', address: '192.0.2.1', ehlo: 'o.example', state: 'draining', pools: ['bulk'] };
  const asked = await at.relay({
    'GET /v1/sources': { body: [{ ...out1, sessions: 2, inFlight: 3 }] },
    'POST /v1/sources/out1/drain': { body: { ...out1, sessions: 2, inFlight: 3 } },
    'POST /v1/sources/out1/enable': { body: { ...out1, state: 'disabled', sessions: 0, inFlight: 0 } },
  });
  assert.equal(
    (await at.run(['source', 'list'])).out,
    'SOURCE  STATE     ADDRESS    EHLO       CONN  IN FLIGHT  POOLS\nout1    draining  192.0.2.1  o.example     2          3  bulk\n',
  );
  assert.equal((await at.run(['source', 'drain', 'out1'])).out, 'out1: draining: 2 connections end\n');
  const enabled = await at.run(['source', 'enable', 'out1']);
  assert.deepEqual([enabled.code, enabled.out], [EXIT.no, 'out1: disabled: sending.yaml says enabled: false\n']);
  assert.deepEqual(asked, ['GET /v1/sources', 'POST /v1/sources/out1/drain', 'POST /v1/sources/out1/enable']);
});
