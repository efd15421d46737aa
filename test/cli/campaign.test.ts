import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import type { CampaignReport } from '../../src/flow/operations.ts';
import { stage } from './stage.ts';

const SPRING: CampaignReport = {
  tenant: 'acme',
  campaign: 'spring',
  state: 'paused',
  waiting: 120_000,
  inFlight: 3,
  why: '62 of 512 answers within 1h say that the recipient is not there (12.1%, limit 10%)',
  pool: 'apart',
  figures: { windowMs: 3_600_000, answered: 512, bounces: 62, spam: 1, blocks: 0 },
};
const SUMMER: CampaignReport = { tenant: 'acme', campaign: 'sum\u001bmer', state: 'active', waiting: 1, inFlight: 0 };

test('campaign list: state, mail, figures and why; nothing moves the cursor', async (t) => {
  const at = stage(t);
  const asked = await at.relay({
    'GET /v1/campaigns?campaigns=20': { body: [SPRING, SUMMER] },
    'GET /v1/campaigns?campaigns=5&tenant=acme': { body: [] },
  });
  assert.equal(
    (await at.run(['campaign', 'list'])).out,
    [
      'CAMPAIGN      STATE   WAITING  IN FLIGHT  ANSWERED  BOUNCES  SPAM  BLOCKS  POOL   WHY',
      `acme/spring   paused  120,000          3       512    12.1%  0.2%    0.0%  apart  ${SPRING.why}`,
      'acme/sum?mer  active        1          0         0',
      '',
    ].join('\n'),
  );
  const none = await at.run(['campaign', 'list', '--tenant', 'acme', '--campaigns', '5']);
  assert.equal(none.out, 'no campaign waits, and none was answered lately\n');
  assert.deepEqual(JSON.parse((await at.run(['campaign', 'list', '--json'])).out), [SPRING, SUMMER]);
  assert.equal((await at.run(['campaign', 'list', '--campaigns', '0'])).code, EXIT.usage);
  assert.equal(asked.length, 3);
});

test('campaign list: one that a reply has suspended says until when, and which reply', async (t) => {
  const at = stage(t);
  const why =
    'campaign acme/spring: suspended, ends in 40m: 421 4.7.0 due to the nature of the content (rule google-spam)';
  const { pool: _, ...spring } = SPRING;
  await at.relay({ 'GET /v1/campaigns?campaigns=20': { body: [{ ...spring, state: 'suspended', why }] } });
  const { out } = await at.run(['campaign', 'list']);
  assert.match(
    out,
    /^acme\/spring {2}suspended {2}120,000 .* {2}campaign acme\/spring: suspended, ends in 40m: 421 4\.7\.0/m,
  );
});

test('campaign pause, resume, move, cancel: named by tenant and label', async (t) => {
  const at = stage(t);
  const done = { body: { done: true } };
  const asked = await at.relay({
    'POST /v1/queue/pause': done,
    'POST /v1/queue/resume': done,
    'POST /v1/queue/move': done,
    'POST /v1/campaigns/cancel': { body: { waiting: 120_000 } },
  });
  assert.equal((await at.run(['campaign', 'pause', 'acme/spring sale'])).out, 'campaign/acme/spring sale: paused\n');
  assert.equal((await at.run(['campaign', 'resume', 'acme/spring'])).out, 'campaign/acme/spring: resumed\n');
  const moved = await at.run(['campaign', 'move', 'acme/spring', '--to', 'apart']);
  assert.equal(moved.out, 'campaign/acme/spring: goes by the pool apart\n');
  const back = await at.run(['campaign', 'move', 'acme/spring', '--back']);
  assert.equal(back.out, 'campaign/acme/spring: goes by its own pool again\n');
  const cancelled = await at.run(['campaign', 'cancel', 'acme/spring']);
  assert.equal(cancelled.out, 'campaign/acme/spring: 120,000 deliveries are being cancelled\n');
  assert.equal((await at.run(['queue', 'move', '--tenant', 'acme', '--to', 'apart'])).code, EXIT.ok);
  assert.equal((await at.run(['queue', 'move', '--stream', 'bulk', '--back'])).code, EXIT.ok);
  assert.deepEqual(asked, [
    'POST /v1/queue/pause {"mark":"campaign/acme/spring sale"}',
    'POST /v1/queue/resume {"mark":"campaign/acme/spring"}',
    'POST /v1/queue/move {"mark":"campaign/acme/spring","pool":"apart"}',
    'POST /v1/queue/move {"mark":"campaign/acme/spring"}',
    'POST /v1/campaigns/cancel {"mark":"campaign/acme/spring"}',
    'POST /v1/queue/move {"mark":"tenant/acme","pool":"apart"}',
    'POST /v1/queue/move {"mark":"stream/bulk"}',
  ]);
});

test('campaign commands: what is not a campaign, or no place to move to, is wrong usage', async (t) => {
  const at = stage(t);
  for (const args of [
    ['campaign', 'pause', 'spring'],
    ['campaign', 'cancel', '/spring'],
    ['campaign', 'move', 'acme/spring'],
    ['campaign', 'move', 'acme/spring', '--to', 'a', '--back'],
    ['queue', 'move', '--to', 'apart'],
    ['queue', 'move', '--tenant', 'acme', '--stream', 'bulk', '--to', 'apart'],
  ]) {
    assert.equal((await at.run(args)).code, EXIT.usage, args.join(' '));
  }
});

test('explain: the question names what the mail would be, and the answer ends with one sentence', async (t) => {
  const at = stage(t);
  const body = {
    address: 'a@example.net',
    route: 'mx',
    hosts: ['mx.example.net:25'],
    pool: 'default',
    sources: ['out1'],
    lanes: [],
    caps: [
      {
        by: 'lane',
        name: 'mx.example.net',
        figures: [
          { cap: 'connections', count: 1 },
          { cap: 'rate', count: 600, perMs: 60_000 },
        ],
        burst: 5,
        deliveriesPerConnection: 100,
      },
    ],
    budgets: [{ source: 'out1', provider: '*', used: 1200, budget: 5000, until: at.clock.now() + 60_000 }],
    suspensions: [{ what: 'lane', name: 'out2/x', state: 'held', since: 1, by: 'operator' }],
    suppressions: [],
    verdict: 'it goes now, from out1 to mx.example.net:25, once its turn comes',
  };
  const asked = await at.relay({ 'GET /v1/explain?address=a%40example.net&stream=bulk&from=shop.example': { body } });
  const ran = await at.run(['explain', 'a@example.net', '--stream', 'bulk', '--from', 'shop.example']);
  assert.equal(ran.code, EXIT.ok);
  assert.match(
    ran.out,
    /^cap: +lane mx\.example\.net: 1 connection, 600 in 1m, 5 at once, 100 deliveries a connection$/m,
  );
  assert.match(ran.out, /^budget: +out1 at all: 1,200 of 5,000 used today, the next in 1m$/m);
  assert.match(ran.out, /^suspended: +held, out2\/x until `postilion lane resume out2\/x`: by operator$/m);
  assert.match(ran.out, /^so: +it goes now, from out1 to mx.example.net:25, once its turn comes$/m);
  assert.equal(asked.length, 1);
});
