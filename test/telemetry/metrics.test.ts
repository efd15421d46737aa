import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../src/telemetry/metrics.ts';

test('metrics: counts, asks and observes, in the text format', async () => {
  const metrics = createMetrics();
  const outcomes = metrics.counter('postilion_outcomes_total', 'Outcomes', { outcome: ['delivered', 'failed'] });
  let waiting = 3;
  metrics.gauge('postilion_waiting', 'Waiting', () => waiting);
  const sync = metrics.histogram('postilion_sync_seconds', 'Syncs', [0.01, 1]);
  outcomes({ outcome: 'delivered' });
  outcomes({ outcome: 'delivered' }, 2);
  sync(0.5);
  waiting = 4;
  const text = await metrics.render();
  for (const line of [
    'postilion_outcomes_total{outcome="delivered"} 3',
    'postilion_waiting 4',
    'postilion_sync_seconds_bucket{le="0.01"} 0',
    'postilion_sync_seconds_bucket{le="1"} 1',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
});

test('metrics: a label value nobody listed counts as other, however many come', async () => {
  const metrics = createMetrics();
  const replies = metrics.counter('replies_total', 'Replies', { code: ['250'] });
  for (let code = 400; code < 500; code++) replies({ code: String(code) });
  const lines = (await metrics.render()).split('\n').filter((line) => line.startsWith('replies_total'));
  assert.deepEqual(lines, ['replies_total{code="other"} 100']);
});
