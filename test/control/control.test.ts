import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import type { Fields } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import { CONTROL_SOCKET } from '../../src/control/api.ts';
import { type Host, openControl } from '../../src/control/control.ts';
import { OperationsAway } from '../../src/control/operations-away.ts';
import type { Operations, QueueReport } from '../../src/flow/operations.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noteIn, notedOperations } from '../support/noted-operations.ts';

const ID = '01hzy6t9f0abcdefghjkmnpqrs';
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const QUEUE = { messages: 1, deliveries: 2, domains: [] } as unknown as QueueReport;

interface Made {
  readonly run: string;
  readonly calls: unknown[];
  readonly logged: Fields[];
}

async function made(t: TestContext, changes: Partial<Operations> = {}, host: Partial<Host> = {}): Promise<Made> {
  const run = join(mkdtempSync(join(tmpdir(), 'postilion-')), 'run');
  const calls: unknown[] = [];
  const logged: Fields[] = [];
  const note = noteIn(calls);
  const server = await openControl({
    run,
    clock: new FakeClock(NOW),
    log: { ...silentLog, error: (fields) => void logged.push(fields) },
    operations: notedOperations(calls, {
      queue: note('queue', QUEUE),
      cancel: note('cancel', 2),
      retryAll: note('retryAll', 3),
      resume: note('resume', true),
      suppress: note('suppress', { added: 1, kept: 0, unreadable: 0, salt: 'ab' }),
      suppressions: note('suppressions', { entries: [], next: 7 }),
      ...changes,
    }),
    host: {
      health: () => Promise.reject(new Error('no health')),
      reload: note('reload', { configuration: 2, changes: ['a'], warnings: [] }),
      reloadUsers: note('reloadUsers', { users: 1 }),
      ...host,
    },
  });
  t.after(async () => {
    await server.close();
    rmSync(join(run, '..'), { recursive: true });
  });
  return { run, calls, logged };
}

interface Said {
  readonly status: number;
  readonly body: unknown;
}

function ask({ run }: { run: string }, call: string, body?: unknown, raw?: string): Promise<Said> {
  const [method = '', path = ''] = call.split(' ');
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const headers = payload === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(run, CONTROL_SOCKET), method, path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown }));
    });
    asked.on('error', reject);
    asked.end(payload);
  });
}

test('control: every request reaches its operation, named as the operator', async (t) => {
  const relay = await made(t);
  const asked: readonly (readonly [string, unknown?])[] = [
    ['GET /v1/queue'],
    ['GET /v1/queue?domains=7&providers=0'],
    [`POST /v1/messages/${ID.toUpperCase()}/retry`],
    [`POST /v1/messages/${ID}/cancel`, {}],
    ['POST /v1/queue/retry'],
    ['POST /v1/queue/retry', { domain: 'Example.ORG' }],
    ['POST /v1/queue/pause', { mark: 'campaign/acme/spring sale' }],
    ['POST /v1/queue/resume', { mark: 'domain/Example.org' }],
    ['POST /v1/queue/move', { mark: 'stream/bulk', pool: 'warm' }],
    ['POST /v1/queue/move', { mark: 'campaign/acme/spring/sale' }],
    ['GET /v1/campaigns'],
    ['GET /v1/campaigns?tenant=acme&campaigns=5'],
    ['POST /v1/campaigns/cancel', { mark: 'campaign/acme/spring' }],
    ['POST /v1/reload'],
    ['POST /v1/users/reload', {}],
  ];
  const answers: Said[] = [];
  for (const [call, body] of asked) answers.push(await ask(relay, call, body));
  assert.deepEqual(
    answers.map(({ status }) => status),
    asked.map(() => 200),
  );
  assert.deepEqual(
    answers.map(({ body }) => body),
    [
      QUEUE,
      QUEUE,
      { done: true },
      { cancelled: 2 },
      { queues: 3 },
      { queues: 3 },
      { done: true },
      { done: true },
      { done: true },
      { done: true },
      [],
      [],
      { waiting: 4 },
      { configuration: 2, changes: ['a'], warnings: [] },
      { users: 1 },
    ],
  );
  assert.deepEqual(relay.calls, [
    ['queue', { domainsMax: 100, providersMax: 20 }],
    ['queue', { domainsMax: 7, providersMax: 0 }],
    ['retry', ID, 'operator'],
    ['cancel', ID, 'operator'],
    ['retryAll', undefined, 'operator'],
    ['retryAll', 'example.org', 'operator'],
    ['pause', 'campaign/acme/spring sale', 'operator'],
    ['resume', 'domain/example.org', 'operator'],
    ['move', 'stream/bulk', 'warm', 'operator'],
    ['move', 'campaign/acme/spring/sale', undefined, 'operator'],
    ['campaigns', undefined, 100],
    ['campaigns', 'acme', 5],
    ['cancelCampaign', 'campaign/acme/spring', 'operator'],
    ['reload'],
    ['reloadUsers'],
  ]);
});

test('control: suppressions are read into what the scheduler takes; what is wrong is 400 with what it is', async (t) => {
  const relay = await made(t);
  const full = {
    address: '<A.B@EXAMPLE.com>',
    scope: 'stream/acme/bulk',
    reason: 'complaint',
    at: 1500,
    until: 99_999,
    by: 'rule r1',
    soft: true,
    message_id: ID.toUpperCase(),
    reply: '550 no',
    note: 'n',
  };
  const added = { added: 1, kept: 0, unreadable: 0, salt: 'ab' };
  const right: readonly (readonly [string, unknown, unknown])[] = [
    ['POST /v1/suppressions', { entries: [full, { address: 'c@example.com' }] }, added],
    ['POST /v1/suppressions/remove', { address: 'C@example.com' }, { removed: 1 }],
    ['POST /v1/suppressions/remove', { address: 'c@example.com', scope: 'tenant/acme' }, { removed: 1 }],
    ['GET /v1/suppressions/find?address=C%40example.com', undefined, { entries: [] }],
    ['GET /v1/suppressions', undefined, { entries: [], next: 7 }],
    [
      'GET /v1/suppressions?from=7&limit=9&domain=EXAMPLE.com&scope=global&reason=x',
      undefined,
      { entries: [], next: 7 },
    ],
  ];
  for (const [call, body, answer] of right)
    assert.deepEqual(await ask(relay, call, body), { status: 200, body: answer });
  const entry = {
    address: 'a.b@example.com',
    scope: 'stream/acme/bulk',
    reason: 'complaint',
    at: 1000,
    until: 99_000,
    by: 'rule r1',
    isSoft: true,
    messageId: ID,
    reply: '550 no',
    note: 'n',
  };
  const plain = { address: 'c@example.com', scope: 'global', reason: 'operator', at: NOW - 678, by: 'operator' };
  assert.deepEqual(relay.calls, [
    ['suppress', [entry, plain], 'operator'],
    ['unsuppress', 'c@example.com', undefined, 'operator'],
    ['unsuppress', 'c@example.com', 'tenant/acme', 'operator'],
    ['suppressionsOf', 'c@example.com'],
    ['suppressions', 0, 500, {}],
    ['suppressions', 7, 9, { scope: 'global', reason: 'x', domain: 'example.com' }],
  ]);
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['POST /v1/suppressions', { entries: [{ address: 'nobody' }] }, /'nobody' is not a mailbox/],
    ['POST /v1/suppressions', { entries: [{ address: 'a@b.example', scope: 'all' }] }, /'all' is no scope/],
    ['POST /v1/suppressions', { entries: [{ address: 'a@b.example', reason: 'Too Loud' }] }, /reason/],
    ['POST /v1/suppressions', { entries: [{ address: 'a@b.example', message_id: 'x' }] }, /message id/],
    ['POST /v1/suppressions', { entries: [{ adress: 'a@b.example' }] }, /address/],
    ['POST /v1/suppressions/remove', { address: 'a@b.example', scope: 'tenant/' }, /no scope/],
    ['GET /v1/suppressions/find', undefined, /address/],
    ['GET /v1/suppressions?domain=a..b', undefined, /not a domain/],
    ['GET /v1/suppressions?limit=0', undefined, /limit/],
  ];
  for (const [call, body, words] of wrong) {
    const said = await ask(relay, call, body);
    assert.equal(said.status, 400, call);
    assert.match((said.body as { message: string }).message, words);
  }
  const full503 = await made(t, { suppress: async () => ({ ...added, isFull: true }) });
  assert.equal((await ask(full503, 'POST /v1/suppressions', { entries: [] })).status, 503);
  const none = await made(t, { unsuppress: async () => 0 });
  assert.equal((await ask(none, 'POST /v1/suppressions/remove', { address: 'a@b.example' })).status, 404);
});

test('control: as many rows as are asked for, and never more than a thousand', async (t) => {
  const relay = await made(t);
  for (const call of ['GET /v1/top', 'GET /v1/top?rows=7', 'GET /v1/top?rows=5000']) {
    assert.equal((await ask(relay, call)).status, 200, call);
  }
  assert.deepEqual(relay.calls, [
    ['top', { rowsMax: 24 }],
    ['top', { rowsMax: 7 }],
    ['top', { rowsMax: 1000 }],
  ]);
});

test('control: what is not there is 404 with a sentence', async (t) => {
  const no = {
    retry: () => Promise.resolve(false),
    cancel: () => Promise.resolve(0),
    resume: () => Promise.resolve(false),
  };
  const relay = await made(t, no);
  for (const [call, body] of [
    [`GET /v1/messages/${ID}`],
    ['GET /v1/messages/..%2f..%2fetc%2fpasswd'],
    [`POST /v1/messages/${ID}/retry`],
    [`POST /v1/messages/${ID}/cancel`],
    ['POST /v1/queue/resume', { mark: 'all' }],
    ['GET /v2/queue'],
    ['DELETE /v1/queue'],
  ] as const) {
    const { status, body: said } = await ask(relay, call, body);
    const { error, message } = said as { error: string; message: string };
    assert.deepEqual([status, error, message.length > 5], [404, 'not-found', true], call);
  }
});

test('control: what the schema does not say is 400, and nothing is done', async (t) => {
  const relay = await made(t);
  for (const [call, body, raw] of [
    ['GET /v1/queue?providers=-1'],
    ['GET /v1/top?rows=0'],
    ['GET /v1/top?rows=10000'],
    ['GET /v1/queue?domains=10001'],
    ['GET /v1/queue?limit=1'],
    ['POST /v1/queue/pause'],
    ['POST /v1/queue/pause', { mark: 'everything' }],
    ['POST /v1/queue/pause', { mark: 7 }],
    ['POST /v1/queue/pause', { mark: 'all', by: 'me' }],
    ['POST /v1/queue/move', { mark: 'all', pool: 'warm' }],
    ['POST /v1/queue/move', { mark: 'domain/example.org', pool: 'warm' }],
    ['POST /v1/queue/move', { pool: 'warm' }],
    ['POST /v1/campaigns/cancel', { mark: 'tenant/acme' }],
    ['GET /v1/campaigns?campaigns=10001'],
    ['POST /v1/queue/retry', { domain: '' }],
    ['POST /v1/queue/retry', { domain: 'x'.repeat(401) }],
    ['POST /v1/queue/retry', ['example.org']],
    ['POST /v1/reload', { force: true }],
    ['POST /v1/queue/pause', undefined, '{"mark":'],
    ['POST /v1/queue/pause', undefined, '{"__proto__":{"mark":"all"}}'],
  ] as const) {
    const { status, body: said } = await ask(relay, call, body, raw);
    assert.deepEqual([status, (said as { error: string }).error], [400, 'bad-request'], `${call} ${raw ?? ''}`);
  }
  assert.deepEqual(relay.calls, []);
});

test('control: a large body, a wrong configuration, an absent scheduler and a fault have their own words', async (t) => {
  const relay = await made(
    t,
    {
      queue: () => Promise.reject(new OperationsAway('the scheduler is away')),
      retryAll: () => Promise.reject(new TypeError('secret detail')),
    },
    { reload: () => Promise.reject(new OperatorError('sending.yaml:3:1: no such pool', EXIT.configuration)) },
  );
  const words = [
    await ask(relay, 'POST /v1/queue/pause', { mark: 'x'.repeat(70_000) }),
    await ask(relay, 'POST /v1/reload'),
    await ask(relay, 'GET /v1/queue'),
    await ask(relay, 'POST /v1/queue/retry'),
  ].map(({ status, body }) => [status, (body as { error: string }).error]);
  assert.deepEqual(words, [
    [413, 'too-large'],
    [422, 'configuration'],
    [503, 'away'],
    [500, 'internal'],
  ]);
  const { body } = await ask(relay, 'POST /v1/reload');
  assert.equal((body as { message: string }).message, 'sending.yaml:3:1: no such pool');
  assert.equal(JSON.stringify(await ask(relay, 'POST /v1/queue/retry')).includes('secret'), false);
  assert.equal(relay.logged.length, 2);
});

test('control: socket 0660 in a folder 0750, whatever the mask', async (t) => {
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const { run } = await made(t);
  assert.equal(process.umask(), 0o077);
  assert.equal(statSync(join(run, CONTROL_SOCKET)).mode & 0o777, 0o660);
  assert.equal(statSync(run).mode & 0o777, 0o750);
});

test('control: a socket left behind is replaced, one that answers is not', async (t) => {
  const first = await made(t);
  const open = (run: string) =>
    openControl({ run, log: silentLog, clock: systemClock, operations: {} as Operations, host: {} as Host });
  await assert.rejects(
    open(first.run),
    (error) => error instanceof OperatorError && error.exitCode === EXIT.configuration,
  );
  assert.equal((await ask(first, 'GET /v1/queue')).status, 200);
  // Left behind: Node removes the file when it closes a server, a killed process does not.
  const run = mkdtempSync(join(tmpdir(), 'postilion-'));
  t.after(() => rmSync(run, { recursive: true }));
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(join(run, 'dead.sock'), resolve));
  const { linkSync } = await import('node:fs');
  linkSync(join(run, 'dead.sock'), join(run, CONTROL_SOCKET));
  await new Promise((resolve) => dead.close(resolve));
  const server = await open(run);
  await server.close();
});

test('control: a run folder that cannot be made or is too long a path says what to do', async (t) => {
  const above = mkdtempSync(join(tmpdir(), 'postilion-'));
  t.after(() => rmSync(above, { recursive: true }));
  const open = (run: string) =>
    openControl({ run, log: silentLog, clock: systemClock, operations: {} as Operations, host: {} as Host });
  await assert.rejects(open(join(above, 'x'.repeat(120))), /longer than 107 octets.*shorter folder/);
  if (process.getuid?.() === 0) return t.diagnostic('root may write everywhere');
  chmodSync(above, 0o500);
  await assert.rejects(
    open(join(above, 'run')),
    (error) => error instanceof OperatorError && error.exitCode === EXIT.permission,
  );
});
