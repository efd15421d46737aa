import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectOperations, serveOperations } from '../../src/app/operations-link.ts';
import { OperationsAway } from '../../src/control/operations-away.ts';
import type { MessageId } from '../../src/flow/message.ts';
import { notedOperations } from '../support/noted-operations.ts';
import { place, until } from './scheduler-link.ts';

const id = 'm' as MessageId;

test('operations link: every call arrives with its arguments and comes back with its answer', async (t) => {
  const here = place(t);
  const door = await here.open();
  const calls: unknown[] = [];
  const client = connectOperations({ path: here.path, process: 'control', pid: 1, clock: here.clock });
  t.after(() => client.close());
  const { operations } = client;
  await assert.rejects(operations.retry(id, 'x'), OperationsAway);
  await until(here.clock, () => door.hellos().length === 1);
  door.begin({
    submission: () => {},
    egress: () => {},
    control: (visitor) => serveOperations(notedOperations(calls), visitor),
  });
  assert.deepEqual(
    await Promise.all([
      operations.message(id),
      operations.retry(id, 'operator'),
      operations.cancel(id, 'operator'),
      operations.retryAll(undefined, 'operator'),
      operations.pause('all', 'operator'),
      operations.resume('all', 'operator'),
      operations.alarm({ type: 'alarm', at: 1, alarm: 'a', text: 't' }),
      operations.suppress([], 'operator'),
      operations.unsuppress('a@example.com', undefined, 'operator'),
      operations.suppressionsOf('a@example.com'),
      operations.suppressions(0, 5, { domain: 'example.com' }),
      operations.unknownReplies(),
      operations.pauseLane('out1/google', undefined, 'operator'),
      operations.resumeLane('out1/google', 'operator'),
      operations.laneHistory('out1/google', 5),
      operations.move('tenant/acme', undefined, 'operator'),
      operations.campaigns(undefined, 10),
      operations.cancelCampaign('campaign/acme/spring', 'operator'),
    ]),
    [
      undefined,
      true,
      3,
      2,
      undefined,
      false,
      undefined,
      { added: 1, kept: 0, unreadable: 0, salt: '' },
      1,
      [],
      { entries: [] },
      [],
      true,
      1,
      [],
      'done',
      [],
      4,
    ],
  );
  assert.deepEqual(calls, [
    ['message', id],
    ['retry', id, 'operator'],
    ['cancel', id, 'operator'],
    ['retryAll', undefined, 'operator'],
    ['pause', 'all', 'operator'],
    ['resume', 'all', 'operator'],
    ['alarm', { type: 'alarm', at: 1, alarm: 'a', text: 't' }],
    ['suppress', [], 'operator'],
    ['unsuppress', 'a@example.com', undefined, 'operator'],
    ['suppressionsOf', 'a@example.com'],
    ['suppressions', 0, 5, { domain: 'example.com' }],
    ['unknownReplies'],
    ['pauseLane', 'out1/google', undefined, 'operator'],
    ['resumeLane', 'out1/google', 'operator'],
    ['laneHistory', 'out1/google', 5],
    ['move', 'tenant/acme', undefined, 'operator'],
    ['campaigns', undefined, 10],
    ['cancelCampaign', 'campaign/acme/spring', 'operator'],
  ]);
  await assert.rejects(operations.queue({ domainsMax: 7 }), /scheduler failed: no queue of 7/);
});

test('operations link: a call without an answer ends after its time, and one over a lost channel at once', async (t) => {
  const here = place(t);
  const door = await here.open();
  const client = connectOperations({ path: here.path, process: 'control', pid: 1, clock: here.clock, answerMs: 1_000 });
  t.after(() => client.close());
  await until(here.clock, () => door.hellos().length === 1);
  const late = assert.rejects(client.operations.retry(id, 'x'), /did not answer for 1 s/);
  await here.clock.advance(1_000);
  await late;
  const lost = assert.rejects(client.operations.retry(id, 'x'), OperationsAway);
  await door.close();
  await lost;
});
