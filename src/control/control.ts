// Control's API: what an operator's client may ask, checked against schemas and handed to the scheduler's Operations
// and to whoever reloads. Decides nothing itself.
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { OperatorError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { parseMessageId } from '../flow/message-id.ts';
import type { MessageId } from '../flow/message.ts';
import type { Operations } from '../flow/operations.ts';
import type { WarmupChange } from '../flow/warmup.ts';
import {
  type Api,
  CAMPAIGNS_DEFAULT,
  CAMPAIGNS_MAX,
  CONTROL_SOCKET,
  type Health,
  NAME_CHARS_MAX,
  QUEUE_DOMAINS_DEFAULT,
  QUEUE_DOMAINS_MAX,
  QUEUE_PROVIDERS_DEFAULT,
  QUEUE_PROVIDERS_MAX,
  type Reloaded,
  type SuppressionInput,
  SUPPRESSIONS_DEFAULT,
  TOP_ROWS_DEFAULT,
  TOP_ROWS_MAX,
  type UsersReloaded,
} from './api.ts';
import { EXPLAIN, questionOf } from './explain-request.ts';
import { laneRoutes } from './lane-request.ts';
import { type HttpServer, openHttpServer, Refused, type Route } from './http-server.ts';
import { campaignOf, MARK, markOf, movableOf, MOVE } from './mark-request.ts';
import { ADD, addressOf, entryOf, filterOf, FIND, LIST, REMOVE, scopeOf } from './suppression-request.ts';
import { OperationsAway } from './operations-away.ts';
import { WARMUP, WARMUP_CHANGE, WARMUP_DAYS } from './warmup-request.ts';

/** Whoever owns the processes: the supervisor, or the single process itself. */
export interface Host {
  health(): Promise<Health>;
  /** Throws OperatorError with every problem of the files; then nothing was changed. */
  reload(): Promise<Reloaded>;
  reloadUsers(): Promise<UsersReloaded>;
}

export interface ControlOptions {
  /** The run folder. */
  readonly run: string;
  readonly operations: Operations;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
}

/** Whoever may open the socket is an operator. */
const BY = 'operator';

/** Throws OperatorError when the socket cannot be made. */
export function openControl(options: ControlOptions): Promise<HttpServer> {
  const { run, log } = options;
  return openHttpServer({ path: join(run, CONTROL_SOCKET), log, routes: routesOf(options), refusal: refusalOf });
}

function refusalOf(error: unknown): Refused | undefined {
  if (error instanceof OperationsAway) return new Refused('away', `${error.message}; try again`, { cause: error });
  if (error instanceof OperatorError) return new Refused('configuration', error.message, { cause: error });
  return undefined;
}

const name = { type: 'string', minLength: 1, maxLength: NAME_CHARS_MAX };
const NO_BODY = { type: ['object', 'null'], maxProperties: 0 };
const DOMAIN = { type: ['object', 'null'], properties: { domain: name }, additionalProperties: false };
/** A query is text. */
const DOMAINS = {
  type: 'object',
  properties: {
    domains: { type: 'string', pattern: '^[0-9]{1,5}$' },
    providers: { type: 'string', pattern: '^[0-9]{1,4}$' },
  },
  additionalProperties: false,
};

const ROWS = {
  type: 'object',
  properties: { rows: { type: 'string', pattern: '^[1-9][0-9]{0,3}$' } },
  additionalProperties: false,
};

const CAMPAIGNS = {
  type: 'object',
  properties: { campaigns: { type: 'string', pattern: '^[1-9][0-9]{0,4}$' }, tenant: name },
  additionalProperties: false,
};

function routesOf({ operations, host, clock }: ControlOptions): readonly Route[] {
  const route = <Name extends keyof Api>(
    call: Name,
    schemas: Pick<Route, 'query' | 'body'>,
    answer: (asked: Asked) => Promise<Api[Name]['answer']>,
  ): Route => {
    const [method, path] = call.split(' ') as ['GET' | 'POST', string];
    // A body nobody asked for is a mistake of the client.
    const bodies = method === 'POST' ? { body: NO_BODY } : {};
    return { method, path, ...bodies, ...schemas, answer: (asked) => answer(asked as Asked) };
  };
  return [
    route('GET /v1/health', {}, () => host.health()),
    route('GET /v1/queue', { query: DOMAINS }, ({ query }) =>
      operations.queue({
        domainsMax: atMost(query.domains, 'domains', QUEUE_DOMAINS_DEFAULT, QUEUE_DOMAINS_MAX),
        providersMax: atMost(query.providers, 'providers', QUEUE_PROVIDERS_DEFAULT, QUEUE_PROVIDERS_MAX),
      }),
    ),
    route('GET /v1/top', { query: ROWS }, ({ query }) => operations.top({ rowsMax: rowsOf(query) })),
    route('GET /v1/messages/:id', {}, async ({ params }) => {
      const id = idOf(params);
      return (await operations.message(id)) ?? refuse(`there is no message ${id} here`);
    }),
    route('POST /v1/messages/:id/retry', {}, async ({ params }) => {
      const id = idOf(params);
      return (await operations.retry(id, BY)) ? { done: true } : refuse(`nothing of message ${id} waits`);
    }),
    route('POST /v1/messages/:id/cancel', {}, async ({ params }) => {
      const id = idOf(params);
      const cancelled = await operations.cancel(id, BY);
      return cancelled > 0 ? { cancelled } : refuse(`nothing of message ${id} waits`);
    }),
    route('POST /v1/queue/retry', { body: DOMAIN }, async ({ body }) => ({
      queues: await operations.retryAll(body?.domain?.toLowerCase(), BY),
    })),
    route('POST /v1/queue/pause', { body: MARK }, async ({ body }) => {
      await operations.pause(markOf(body?.mark), BY);
      return { done: true };
    }),
    route('POST /v1/queue/resume', { body: MARK }, async ({ body }) => {
      const mark = markOf(body?.mark);
      return (await operations.resume(mark, BY)) ? { done: true } : refuse(`${mark} is not paused`);
    }),
    route('POST /v1/queue/move', { body: MOVE }, async ({ body }) => {
      const mark = movableOf(body?.mark);
      const answer = await operations.move(mark, body?.pool, BY);
      if (answer === 'done') return { done: true };
      return refuse(answer === 'no-pool' ? `there is no pool '${body?.pool}'` : `${mark} is not moved`);
    }),
    route('GET /v1/explain', { query: EXPLAIN }, ({ query }) => operations.explain(questionOf(query))),
    route('GET /v1/campaigns', { query: CAMPAIGNS }, ({ query }) =>
      operations.campaigns(query.tenant, atMost(query.campaigns, 'campaigns', CAMPAIGNS_DEFAULT, CAMPAIGNS_MAX)),
    ),
    route('POST /v1/campaigns/cancel', { body: MARK }, async ({ body }) => {
      const mark = campaignOf(body?.mark);
      const waiting = await operations.cancelCampaign(mark, BY);
      return waiting > 0 ? { waiting } : refuse(`nothing of ${mark} waits`);
    }),
    route('POST /v1/suppressions', { body: ADD }, async ({ body }) => {
      const now = clock.now();
      const entries = (body?.entries ?? []).map((entry) => entryOf(entry, now));
      const { isFull, ...answer } = await operations.suppress(entries, BY);
      if (isFull) throw new Refused('away', 'the disk is at its reserve: free some room and try again');
      return answer;
    }),
    route('POST /v1/suppressions/remove', { body: REMOVE }, async ({ body }) => {
      const address = addressOf(body?.address ?? '');
      const scope = body?.scope === undefined ? undefined : scopeOf(body.scope);
      const removed = await operations.unsuppress(address, scope, BY);
      return removed > 0 ? { removed } : refuse(`${address} is not on the suppression list${inScope(scope)}`);
    }),
    route('GET /v1/suppressions/find', { query: FIND }, async ({ query }) => ({
      entries: await operations.suppressionsOf(addressOf(query.address ?? '')),
    })),
    route('GET /v1/suppressions', { query: LIST }, ({ query }) =>
      operations.suppressions(Number(query.from ?? 0), Number(query.limit ?? SUPPRESSIONS_DEFAULT), filterOf(query)),
    ),
    route('GET /v1/replies/unknown', {}, () => operations.unknownReplies()),
    route('GET /v1/sources', {}, () => operations.sources()),
    route('POST /v1/sources/:id/drain', {}, async ({ params }) => {
      return (await operations.drain(params.id ?? '', BY)) ?? refuse(`there is no source '${params.id}'`);
    }),
    route('POST /v1/sources/:id/enable', {}, async ({ params }) => {
      return (await operations.enable(params.id ?? '', BY)) ?? refuse(`there is no source '${params.id}'`);
    }),
    route('GET /v1/warmup', { query: WARMUP }, async ({ query }) => {
      const answer = await operations.warmup(query.source);
      return 'no' in answer ? refuse(answer.no) : answer.budgets;
    }),
    route('GET /v1/warmup/:id/days', { query: WARMUP_DAYS }, async ({ params, query }) => {
      const answer = await operations.warmupDays(params.id ?? '', query.provider ?? '');
      return 'no' in answer ? refuse(answer.no) : answer.days;
    }),
    route('POST /v1/warmup/:id', { body: WARMUP_CHANGE }, async ({ params, body }) => {
      const answer = await operations.changeWarmup(params.id ?? '', body?.provider, body?.change as WarmupChange, BY);
      return 'no' in answer ? refuse(answer.no) : answer.budgets;
    }),
    ...laneRoutes(operations, BY),
    route('POST /v1/reload', {}, () => host.reload()),
    route('POST /v1/users/reload', {}, () => host.reloadUsers()),
  ];
}

/** As the schemas above leave it. */
interface Asked {
  readonly params: { readonly id?: string };
  readonly query: {
    readonly domains?: string;
    readonly providers?: string;
    readonly rows?: string;
    readonly address?: string;
    readonly from?: string;
    readonly limit?: string;
    readonly scope?: string;
    readonly reason?: string;
    readonly domain?: string;
    readonly source?: string;
    readonly provider?: string;
    readonly tenant?: string;
    readonly campaigns?: string;
    readonly stream?: string;
    readonly campaign?: string;
    readonly pool?: string;
  };
  readonly body:
    | {
        readonly domain?: string;
        readonly mark?: string;
        readonly pool?: string;
        readonly address?: string;
        readonly scope?: string;
        readonly entries?: readonly SuppressionInput[];
        readonly provider?: string;
        readonly change?: WarmupChange;
      }
    | null
    | undefined;
}

function refuse(message: string): never {
  throw new Refused('not-found', message);
}

function inScope(scope: string | undefined): string {
  return scope === undefined ? '' : ` in scope ${scope}`;
}

function idOf({ id = '' }: Asked['params']): MessageId {
  return parseMessageId(id) ?? refuse(`'${id.slice(0, 40)}' is not a message id`);
}

function rowsOf({ rows }: Asked['query']): number {
  return Math.min(TOP_ROWS_MAX, rows === undefined ? TOP_ROWS_DEFAULT : Number(rows));
}

function atMost(asked: string | undefined, what: string, unlessTold: number, max: number): number {
  const count = asked === undefined ? unlessTold : Number(asked);
  if (count > max) throw new Refused('bad-request', `at most ${max} ${what} can be listed`);
  return count;
}
