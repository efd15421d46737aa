// The HTTP API's requests and answers, as control's server gives them and its clients (the CLI first) read them.
// Plain JSON over a Unix socket in the run folder. A field is never renamed; new ones may come.
import type { LaneChange, LaneFigures, LaneReport, LanesReport } from '../flow/lanes.ts';
import type { Explained } from '../flow/explain.ts';
import type { Message, MessageId } from '../flow/message.ts';
import type {
  CampaignReport,
  MessageReport,
  QueueReport,
  SourceReport,
  TopReport,
  TopRow,
  UnknownReply,
} from '../flow/operations.ts';
import type { Suppression, SuppressionPart } from '../flow/suppression.ts';
import type { WarmupChange, WarmupDayReport, WarmupReport } from '../flow/warmup.ts';

/** File name of the socket inside the run folder. */
export const CONTROL_SOCKET = 'control.sock';

/** What each request is, what it takes and what it gives. `:id` is a message id unless said otherwise. */
export interface Api {
  'GET /v1/health': { readonly answer: Health };
  /**
   * `?domains=N`: at most N domains in the answer, 100 unless told, at most 10,000; `providers=N`: at most N providers, sites
   * and domains without a known host, 20 unless told, at most 1,000. What is said of providers may be a few seconds old
   * where very much waits.
   */
  'GET /v1/queue': { readonly answer: QueueReport };
  /** What goes on now. `?rows=N`: at most N providers and domains, 24 unless told, at most 1,000. */
  'GET /v1/top': { readonly answer: TopReport };
  /** 404 `not-found`: no such message here. */
  'GET /v1/messages/:id': { readonly answer: MessageReport };
  /** 404 `not-found`: nothing of it waits. */
  'POST /v1/messages/:id/retry': { readonly answer: Done };
  /** Settles what waits as cancelled. 404 `not-found`: nothing of it waits. */
  'POST /v1/messages/:id/cancel': { readonly answer: Cancelled };
  /** All that waits, or that of one domain, is due now. */
  'POST /v1/queue/retry': { readonly body: DomainChoice; readonly answer: Retried };
  'POST /v1/queue/pause': { readonly body: Mark; readonly answer: Done };
  /** 404 `not-found`: no such mark is in force. */
  'POST /v1/queue/resume': { readonly body: Mark; readonly answer: Done };
  /** What would happen now. `?address=`; `tenant`, `stream` (default), `campaign`, `pool`. */
  'GET /v1/explain': { readonly answer: Explained };
  /** Sends it from another pool; without `pool` that ends. 404 `not-found`: no such pool, or it was not moved. */
  'POST /v1/queue/move': { readonly body: Move; readonly answer: Done };
  /** `?tenant=NAME`; `campaigns=N`: at most N, 100 unless told, at most 10,000. */
  'GET /v1/campaigns': { readonly answer: readonly CampaignReport[] };
  /** Settles as cancelled what waits of `campaign/TENANT/NAME`. 404 `not-found`: nothing does. */
  'POST /v1/campaigns/cancel': { readonly body: Mark; readonly answer: Cancelling };
  /** Puts addresses on the suppression list. 503 `away`: the disk is at its reserve. */
  'POST /v1/suppressions': {
    readonly body: { readonly entries: readonly SuppressionInput[] };
    readonly answer: Suppressed;
  };
  /** Takes an address off, of one scope or of all. 404 `not-found`: it is not there. */
  'POST /v1/suppressions/remove': { readonly body: SuppressionChoice; readonly answer: Unsuppressed };
  /** `?address=`: everything in force about it, perhaps nothing. */
  'GET /v1/suppressions/find': { readonly answer: SuppressionPart };
  /** Part of the list. `?from=`: `next` of the part before; `limit`, `scope`, `reason`, `domain`. */
  'GET /v1/suppressions': { readonly answer: SuppressionPart };
  /** Replies that no text rule knows, most frequent first: at most 500. */
  'GET /v1/replies/unknown': { readonly answer: readonly UnknownReply[] };
  'GET /v1/sources': { readonly answer: readonly SourceReport[] };
  /** `:id` is the name of a source. 404 `not-found`: no such source. */
  'POST /v1/sources/:id/drain': { readonly answer: SourceReport };
  'POST /v1/sources/:id/enable': { readonly answer: SourceReport };
  /** Every budget of sources that warm up; `?source=`: of one. 404 `not-found`: no such source, or it has no plan. */
  'GET /v1/warmup': { readonly answer: readonly WarmupReport[] };
  /** `:id` is the name of a source; `?provider=`. The last days of that budget, oldest first. 404 as above. */
  'GET /v1/warmup/:id/days': { readonly answer: readonly WarmupDayReport[] };
  /** `:id` as above; answers with the budgets that were changed. Without `provider`: everywhere. 404 as above. */
  'POST /v1/warmup/:id': {
    readonly body: { readonly provider?: string; readonly change: WarmupChange };
    readonly answer: readonly WarmupReport[];
  };
  'GET /v1/lanes': { readonly answer: LanesReport };
  /** `?lane=`. 404 `not-found`: nothing was sent there lately, and nothing waits. The same for `pin` and `release`. */
  'GET /v1/lanes/show': { readonly answer: LaneReport };
  /** `?lane=`, `limit` (100 unless told): newest last. */
  'GET /v1/lanes/history': { readonly answer: readonly LaneChange[] };
  /** 404 `not-found`: there is no such source. */
  'POST /v1/lanes/pause': { readonly body: LaneChoice & { readonly forMs?: number }; readonly answer: Done };
  /** Of a sending domain too, `example.org/google`. 404 `not-found`: nothing of that name is suspended. */
  'POST /v1/lanes/resume': { readonly body: LaneChoice; readonly answer: Done };
  'POST /v1/lanes/pin': { readonly body: LaneChoice & LaneFigures; readonly answer: LaneReport };
  'POST /v1/lanes/release': { readonly body: LaneChoice; readonly answer: LaneReport };
  /** 422 `configuration`: something is wrong in a file; nothing was changed. */
  'POST /v1/reload': { readonly answer: Reloaded };
  /** 422 `configuration` as above, for users.yaml. */
  'POST /v1/users/reload': { readonly answer: UsersReloaded };
}

export const SUPPRESSIONS_DEFAULT = 500;
export const LANE_CHANGES_DEFAULT = 100;
export const LANE_CHANGES_MAX = 10_000;
/** Longest name of a lane: a site is all its hosts. */
export const LANE_CHARS_MAX = 2000;
/** Longest `mark` or `domain` of a request, in characters. */
export const NAME_CHARS_MAX = 400;
export const TOP_ROWS_DEFAULT = 24;
export const TOP_ROWS_MAX = 1000;
export const QUEUE_DOMAINS_DEFAULT = 100;
export const QUEUE_DOMAINS_MAX = 10_000;
export const QUEUE_PROVIDERS_DEFAULT = 20;
export const QUEUE_PROVIDERS_MAX = 1000;
export const CAMPAIGNS_DEFAULT = 100;
export const CAMPAIGNS_MAX = 10_000;

export interface Health {
  /** False: something an operator must look at; `troubles` says what. */
  readonly ok: boolean;
  /** One sentence each. */
  readonly troubles: readonly string[];
  readonly version: string;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly processes: readonly ProcessHealth[];
  /** Number of the configuration in force; counts up with each reload. */
  readonly configuration: number;
}

export interface ProcessHealth {
  /** `supervisor`, `submission-1`, `scheduler`, … or `all` when everything is one process. */
  readonly name: string;
  readonly pid: number;
  readonly state: 'starting' | 'running' | 'waiting' | 'stopping';
  /** Times it died and was started again. */
  readonly restarts: number;
}

export interface DomainChoice {
  /** Routing domain, any case; absent: all. */
  readonly domain?: string;
}

export interface Mark {
  /** `all`, `tenant/NAME`, `stream/NAME`, `domain/NAME`, `campaign/TENANT/NAME`, `pool/NAME`, `route/NAME`. */
  readonly mark: string;
}

export interface LaneChoice {
  /** `source/provider`, `source/site` or `source/provider/site`. */
  readonly lane: string;
}

export interface Move {
  /** `tenant/NAME`, `stream/NAME`, `campaign/TENANT/NAME`. */
  readonly mark: string;
  readonly pool?: string;
}

export interface Cancelling {
  /** Deliveries that wait now and will be cancelled. */
  readonly waiting: number;
}

export interface Done {
  readonly done: true;
}

export interface Cancelled {
  readonly cancelled: number;
}

export interface Retried {
  /** How many queues. */
  readonly queues: number;
}

export interface SuppressionInput {
  readonly address: string;
  /** Absent: `global`. */
  readonly scope?: string;
  /** Small letters, digits and `-`. Absent: `operator`. */
  readonly reason?: string;
  /** ms since 1970; absent: now. */
  readonly at?: number;
  /** ms since 1970; absent: for good. */
  readonly until?: number;
  /** `operator` or `rule ID`; absent: `operator`. */
  readonly by?: string;
  readonly soft?: boolean;
  readonly message_id?: string;
  readonly reply?: string;
  readonly note?: string;
}

export interface Suppressed {
  /** New, or changed. */
  readonly added: number;
  /** There already, and at least as strong. */
  readonly kept: number;
  /** Not taken: their page of the list is damaged. */
  readonly unreadable: number;
  /** What is sent in the order of `placeOf(address, salt)` is written with the least effort. */
  readonly salt: string;
}

export interface SuppressionChoice {
  readonly address: string;
  readonly scope?: string;
}

export interface Unsuppressed {
  readonly removed: number;
}

export interface Reloaded {
  /** Number of the configuration now in force. */
  readonly configuration: number;
  /** What changed, one line each; empty: nothing did. */
  readonly changes: readonly string[];
  /** What is not wrong but surprising, e.g. a setting that waits for a restart. */
  readonly warnings: readonly string[];
}

export interface UsersReloaded {
  readonly users: number;
}

/** Body of every answer that is not 2xx. `error` is a word to act on, `message` a sentence for people. */
export interface ApiError {
  readonly error: ApiErrorWord;
  readonly message: string;
}

export type ApiErrorWord =
  | 'bad-request' // 400: not what the schema of the request says
  | 'not-found' // 404
  | 'too-large' // 413: body over 64 KiB
  | 'configuration' // 422
  | 'internal' // 500: see the log
  | 'away'; // 503: the scheduler does not answer now

export const API_STATUS: Readonly<Record<ApiErrorWord, number>> = {
  'bad-request': 400,
  'not-found': 404,
  'too-large': 413,
  configuration: 422,
  internal: 500,
  away: 503,
};

/** Names used above, so that a client imports one file. */
export type {
  CampaignReport,
  Message,
  MessageId,
  MessageReport,
  QueueReport,
  SourceReport,
  Suppression,
  SuppressionPart,
  TopReport,
  TopRow,
  UnknownReply,
};
