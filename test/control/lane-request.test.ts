// What a client may say about lanes: names with slashes and commas, figures within bounds, and nothing else.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { LANE_CHARS_MAX } from '../../src/control/api.ts';
import { Refused } from '../../src/control/http-server.ts';
import { laneRoutes } from '../../src/control/lane-request.ts';
import type { LaneOperations } from '../../src/flow/lanes.ts';
import { notedOperations } from '../support/noted-operations.ts';

function made(also: Partial<LaneOperations> = {}) {
  const calls: unknown[] = [];
  const operations = notedOperations(calls, also);
  const routes = laneRoutes(operations, 'operator');
  const ask = (path: string, query: unknown, body?: unknown): Promise<object> => {
    const route = routes.find((one) => one.path === path);
    if (route === undefined) throw new Error(`no route ${path}`);
    return route.answer({ params: {}, query, body });
  };
  return { calls, ask, routes };
}

const lane = 'out1/mx1.example,mx2.example';

test('lane requests: each reaches its operation, named as whoever asked', async () => {
  const { calls, ask } = made();
  await ask('/v1/lanes', {});
  await ask('/v1/lanes/history', { lane });
  await ask('/v1/lanes/history', { lane, limit: '99999' });
  await ask('/v1/lanes/pause', {}, { lane });
  await ask('/v1/lanes/pause', {}, { lane, forMs: 5000 });
  await ask('/v1/lanes/resume', {}, { lane });
  deepEqual(calls, [
    ['lanes'],
    ['laneHistory', lane, 100],
    ['laneHistory', lane, 10_000],
    ['pauseLane', lane, undefined, 'operator'],
    ['pauseLane', lane, 5000, 'operator'],
    ['resumeLane', lane, 'operator'],
  ]);
});

test('lane requests: what is not there is a no, not an empty answer', async () => {
  const { ask } = made({ pauseLane: async () => false, resumeLane: async () => 0 });
  for (const [path, query, body] of [
    ['/v1/lanes/show', { lane }, undefined],
    ['/v1/lanes/pause', {}, { lane }],
    ['/v1/lanes/resume', {}, { lane }],
    ['/v1/lanes/pin', {}, { lane, connections: 2 }],
    ['/v1/lanes/release', {}, { lane }],
  ] as const) {
    await rejects(ask(path, query, body), (error) => error instanceof Refused && error.word === 'not-found');
  }
});

test('lane requests: every request that takes a name bounds it', () => {
  for (const { path, query, body } of made().routes) {
    if (path === '/v1/lanes') continue;
    const schema = (query ?? body) as { properties: { lane: { maxLength: number } }; additionalProperties: boolean };
    equal(schema.properties.lane.maxLength, LANE_CHARS_MAX, path);
    equal(schema.additionalProperties, false, path);
  }
});
