// postilion lane: what people read, what the relay is asked, and what is no use.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import type { LaneReport } from '../../src/flow/lanes.ts';
import { stage } from './stage.ts';

/** The fake clock's. */
const NOW = 1_750_000_000_000;
const OPEN: LaneReport = {
  name: 'out2/yahoo',
  source: 'out2',
  provider: 'yahoo',
  state: 'open',
  connections: { open: 2, allowed: 3, ceiling: 10 },
  perMinute: { sent: 41 },
  inFlight: 4,
  wait: { for: 'nothing' },
  limitedBy: 'nothing',
};
const BLOCKED: LaneReport = {
  name: 'out1/google',
  source: 'out1',
  provider: 'google',
  state: 'suspended',
  connections: { open: 0, allowed: 1, ceiling: 20 },
  perMinute: { sent: 7, allowed: 3.5 },
  inFlight: 0,
  suspension: {
    what: 'source+provider',
    name: 'out1/google',
    state: 'suspended',
    since: NOW - 60_000,
    until: NOW + 600_000,
    by: 'rule google-4-7-28-unusual',
    reply: '421 4.7.28 unusual rate',
  },
  changed: { at: NOW - 60_000, by: 'rule google-4-7-28-unusual', reply: '421 4.7.28 unusual rate' },
  wait: { for: 'turn' },
  limitedBy: 'out1/google: suspended, ends in 10m: 421 4.7.28 unusual rate (rule google-4-7-28-unusual)',
};
const DOMAIN = {
  what: 'sending-domain+provider',
  name: 'example.org/google',
  state: 'held',
  since: NOW,
  by: 'rule google-5-7-26-spf',
  remedy: 'the SPF record (TXT) of example.org',
} as const;

test('lane list: a line for each lane, and suspended sending domains below', async (t) => {
  const at = stage(t);
  await at.relay({ 'GET /v1/lanes': { body: { lanes: [BLOCKED, OPEN], suspensions: [BLOCKED.suspension, DOMAIN] } } });
  assert.equal(
    (await at.run(['lane', 'list'])).out,
    [
      'LANE         STATE      CONN  PER MIN  WAITS FOR',
      'out1/google  suspended   0/1    7/3.5  out1/google: suspended, ends in 10m: 421 4.7.28 unusual rate (rule google-4-7-28-unusual)',
      'out2/yahoo   open        2/3   41/any  nothing',
      '',
      'WHAT                     SUSPENDED',
      'sending-domain+provider  held, sending domain example.org/google until `postilion lane resume example.org/google`: by rule google-5-7-26-spf; mend the SPF record (TXT) of example.org',
      '',
    ].join('\n'),
  );
  const json = JSON.parse((await at.run(['lane', 'list', '--json'])).out) as { readonly lanes: unknown[] };
  assert.equal(json.lanes.length, 2);
});

test('lane show: what limits it, and the reply that slowed it', async (t) => {
  const at = stage(t);
  const asked = await at.relay({ 'GET /v1/lanes/show?lane=out1%2Fgoogle': { body: BLOCKED } });
  const { out } = await at.run(['lane', 'show', 'out1/google']);
  assert.match(out, /^out1\/google: suspended\n {2}waits for out1\/google: suspended, ends in 10m: 421 4\.7\.28/);
  assert.match(out, /connections: 0\/1 \(ceiling 20\); deliveries in the last minute: 7, allowed 3\.5 \(ceiling any\)/);
  assert.match(out, /by rule google-4-7-28-unusual: 421 4\.7\.28 unusual rate\n$/);
  assert.deepEqual(asked, ['GET /v1/lanes/show?lane=out1%2Fgoogle']);
  assert.equal((await at.run(['lane', 'show', 'nobody/x'])).code, EXIT.no);
});

test('lane show: what is left out for a reply, until when, and how it is used again', async (t) => {
  const at = stage(t);
  const leftOut = [
    {
      extension: 'ipv6',
      name: 'out1/google',
      since: NOW,
      until: NOW + 7 * 86_400_000,
      by: 'rule google-5-7-1-ipv6',
      reply: '550 5.7.1 IPv6 sending guidelines',
    },
  ];
  await at.relay({ 'GET /v1/lanes/show?lane=out1%2Fgoogle': { body: { ...OPEN, leftOut } } });
  const { out } = await at.run(['lane', 'show', 'out1/google']);
  assert.match(
    out,
    /without ipv6 until 2\d{3}-.* \(.*\): 550 5\.7\.1 .* \(rule google-5-7-1-ipv6\); `postilion lane resume/,
  );
});

test('lane pause, resume, pin, release, history: what is asked, and what is wrong usage', async (t) => {
  const at = stage(t);
  const asked = await at.relay({
    'POST /v1/lanes/pause': { body: { done: true } },
    'POST /v1/lanes/resume': { body: { done: true } },
    'POST /v1/lanes/pin': { body: { ...OPEN, state: 'pinned' } },
    'POST /v1/lanes/release': { body: OPEN },
    'GET /v1/lanes/history?lane=out2%2Fyahoo&limit=100': {
      body: [{ at: NOW, by: 'rule x', text: '1 connection, 30 a minute', reply: '421 slow down' }],
    },
    'GET /v1/lanes/history?lane=out2%2Fyahoo&limit=5': { body: [] },
  });
  assert.equal((await at.run(['lane', 'pause', 'out2/yahoo', '--for', '2h'])).out, 'out2/yahoo: paused for 2h\n');
  assert.equal((await at.run(['lane', 'pause', 'out2/yahoo'])).out, 'out2/yahoo: paused until it is resumed\n');
  assert.equal((await at.run(['lane', 'resume', 'out2/yahoo'])).out, 'out2/yahoo: resumed\n');
  assert.match((await at.run(['lane', 'pin', 'out2/yahoo', '--connections', '2', '--rate', '30/m'])).out, /pinned/);
  assert.match((await at.run(['lane', 'release', 'out2/yahoo'])).out, /^out2\/yahoo: open\n/);
  assert.equal(
    (await at.run(['lane', 'history', 'out2/yahoo'])).out,
    `${new Date(NOW).toISOString()}  1 connection, 30 a minute  (rule x): 421 slow down\n`,
  );
  assert.equal((await at.run(['lane', 'history', 'out2/yahoo', '--limit', '5'])).code, EXIT.no);
  assert.equal(asked.length, 7);
  for (const wrong of [
    ['lane', 'pause', 'out2/yahoo', '--for', '2'],
    ['lane', 'pin', 'out2/yahoo'],
    ['lane', 'pin', 'out2/yahoo', '--connections', '0'],
    ['lane', 'pin', 'out2/yahoo', '--connections', '2', '--rate', '30'],
    ['lane', 'history', 'out2/yahoo', '--limit', '0'],
  ]) {
    assert.equal((await at.run(wrong)).code, EXIT.usage, wrong.join(' '));
  }
});
