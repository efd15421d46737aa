import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { feedbackOptionsOf } from '../../src/app/feedback-part.ts';
import { configFolder, load } from '../config/folder.ts';

test('reports: a stream has them unless it is called bulk, and says otherwise by dsn', (t) => {
  const options = (sending: string): unknown => feedbackOptionsOf(load(configFolder(t, { 'sending.yaml': sending })));
  const { streams, perReversePath, delayAfterMs } = options(
    'streams: { bulk: {}, transactional: {}, orders: { dsn: failure-and-delay }, news: { dsn: never } }',
  ) as ReturnType<typeof feedbackOptionsOf>;
  deepEqual(streams, {
    bulk: 'never',
    default: 'failure',
    news: 'never',
    orders: 'failure-and-delay',
    system: 'failure',
    transactional: 'failure',
  });
  deepEqual([perReversePath, delayAfterMs], [{ count: 100, perMs: 3_600_000 }, 4 * 3_600_000]);
  deepEqual((options('streams: { bulk: { dsn: failure } }') as { streams: unknown }).streams, {
    bulk: 'failure',
    default: 'failure',
    system: 'failure',
  });
});
