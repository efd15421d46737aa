// The API's HTTP server on a Unix socket. The only file that knows fastify. Every answer is JSON; every answer that is
// not 2xx is an ApiError, whatever went wrong.
import { fastify, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Log } from '../base/log.ts';
import { API_STATUS, type ApiError, type ApiErrorWord } from './api.ts';
import { listenUnix } from './unix-socket.ts';

/** What a handler throws to answer something else than 2xx. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly word: ApiErrorWord;
  constructor(word: ApiErrorWord, message: string, options?: ErrorOptions) {
    super(message, options);
    this.word = word;
  }
}

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON schemas: what they do not name is refused. */
  readonly params?: object;
  readonly query?: object;
  readonly body?: object;
  readonly answer: (asked: {
    readonly params: unknown;
    readonly query: unknown;
    readonly body: unknown;
  }) => Promise<object>;
}

export interface HttpServerOptions {
  /** Path of the Unix socket. */
  readonly path: string;
  readonly log: Log;
  readonly routes: readonly Route[];
  /** Turns what a handler threw into an answer; undefined: a fault of ours. */
  readonly refusal: (error: unknown) => Refused | undefined;
}

export interface HttpServer {
  /** Ends what is being answered, then closes. */
  close(): Promise<void>;
}

const BODY_OCTETS_MAX = 64 * 1024;
/** Its group may ask: an operator who is not the relay's user is put into it. */
const SOCKET_MODE = 0o660;
const CLIENTS_MAX = 100;
/** For one whole request: a client that stops in the middle must not stay. */
const REQUEST_MS_MAX = 30_000;

export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_OCTETS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: 'idle',
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: false } },
  });
  app.server.maxConnections = CLIENTS_MAX;
  app.setNotFoundHandler((request, reply) => answerError(reply, 'not-found', `no such request: ${request.method}`));
  app.setErrorHandler((error: FastifyError, request, reply) => told(options, error, request, reply));
  acceptEmptyJson(app);
  for (const route of options.routes) addRoute(app, route);
  await app.ready();
  await listenUnix(app.server, options.path, SOCKET_MODE);
  return {
    close: async () => {
      await app.close();
    },
  };
}

function addRoute(app: FastifyInstance, { method, path, params, query, body, answer }: Route): void {
  const schema = {
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined ? {} : { body }),
  };
  app.route({
    method,
    url: path,
    schema,
    handler: (request) => answer({ params: request.params, query: request.query, body: request.body }),
  });
}

/** A client that says it sends JSON and sends nothing has sent no body: `{}`. */
function acceptEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, {});
    else void parse(request, String(body), done);
  });
}

function told(options: HttpServerOptions, error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const refused = error instanceof Refused ? error : options.refusal(error);
  if (refused !== undefined) return answerError(reply, refused.word, refused.message);
  if (error.statusCode === 413) return answerError(reply, 'too-large', `a body may have ${BODY_OCTETS_MAX} octets`);
  if (error.validation !== undefined || (error.statusCode ?? 500) < 500) {
    return answerError(reply, 'bad-request', error.message);
  }
  options.log.error({ error, method: request.method, path: request.routeOptions.url }, 'a request failed');
  return answerError(reply, 'internal', 'the relay failed to answer; its log says why');
}

function answerError(reply: FastifyReply, word: ApiErrorWord, message: string): void {
  const body: ApiError = { error: word, message };
  void reply.code(API_STATUS[word]).send(body);
}
