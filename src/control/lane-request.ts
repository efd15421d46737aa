// What a client says about lanes, and what is done for it. Names have slashes and commas, so they stand in query or body.
import type { LaneOperations } from '../flow/lanes.ts';
import { LANE_CHANGES_DEFAULT, LANE_CHANGES_MAX, LANE_CHARS_MAX, type LaneChoice } from './api.ts';
import { Refused, type Route } from './http-server.ts';

const lane = { type: 'string', minLength: 1, maxLength: LANE_CHARS_MAX };
const NAMED = { type: 'object', required: ['lane'], properties: { lane }, additionalProperties: false };
const count = { type: 'integer', minimum: 1, maximum: 100_000 };

const HISTORY = {
  ...NAMED,
  properties: { lane, limit: { type: 'string', pattern: '^[1-9][0-9]{0,4}$' } },
};
const PAUSE = {
  ...NAMED,
  properties: { lane, forMs: { type: 'integer', minimum: 1000, maximum: 3650 * 86_400_000 } },
};
const PIN = {
  ...NAMED,
  required: ['lane', 'connections'],
  properties: { lane, connections: count, perMinute: { type: 'number', minimum: 0.01, maximum: 1e7 } },
};

type PauseBody = LaneChoice & { readonly forMs?: number };
type PinBody = LaneChoice & { readonly connections: number; readonly perMinute?: number };

/** `by`: who has asked. */
export function laneRoutes(operations: LaneOperations, by: string): readonly Route[] {
  return [
    { method: 'GET', path: '/v1/lanes', answer: () => operations.lanes() },
    {
      method: 'GET',
      path: '/v1/lanes/show',
      query: NAMED,
      answer: async ({ query }) => {
        const { lane: name } = query as LaneChoice;
        return (await operations.lane(name)) ?? unknown(name);
      },
    },
    {
      method: 'GET',
      path: '/v1/lanes/history',
      query: HISTORY,
      answer: async ({ query }) => {
        const { lane: name, limit } = query as LaneChoice & { readonly limit?: string };
        return await operations.laneHistory(name, Math.min(Number(limit ?? LANE_CHANGES_DEFAULT), LANE_CHANGES_MAX));
      },
    },
    {
      method: 'POST',
      path: '/v1/lanes/pause',
      body: PAUSE,
      answer: async ({ body }) => {
        const { lane: name, forMs } = body as PauseBody;
        if (await operations.pauseLane(name, forMs, by)) return { done: true };
        throw new Refused('not-found', `'${name}' does not begin with the name of a source and a slash`);
      },
    },
    {
      method: 'POST',
      path: '/v1/lanes/resume',
      body: NAMED,
      answer: async ({ body }) => {
        const { lane: name } = body as LaneChoice;
        if ((await operations.resumeLane(name, by)) > 0) return { done: true };
        throw new Refused('not-found', `nothing named '${name}' is suspended`);
      },
    },
    {
      method: 'POST',
      path: '/v1/lanes/pin',
      body: PIN,
      answer: async ({ body }) => {
        const { lane: name, ...figures } = body as PinBody;
        return (await operations.pinLane(name, figures, by)) ?? unknown(name);
      },
    },
    {
      method: 'POST',
      path: '/v1/lanes/release',
      body: NAMED,
      answer: async ({ body }) => {
        const { lane: name } = body as LaneChoice;
        return (await operations.releaseLane(name, by)) ?? unknown(name);
      },
    },
  ];
}

function unknown(name: string): never {
  throw new Refused('not-found', `there is no lane '${name}': nothing was sent there lately, and nothing waits`);
}
