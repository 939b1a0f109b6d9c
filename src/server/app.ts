import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance, type HTTPMethods, LogController } from 'fastify';
import { ApiError } from '../errors.js';
import type { Logger } from '../logger.js';
import { TemplateProcess } from '../text/template-process.js';
import { addAuth } from './auth.js';
import { addBodyParser, BODY_LIMIT_BYTES } from './body.js';
import type { ServerContext } from './context.js';
import { addErrorHandling, answerBrokenRequest, sendError } from './error-handling.js';
import type { ApiKey } from './keys.js';
import { addLoadReport } from './load-report.js';
import type { ModelRegistry } from './models.js';
import { addOpenApi, addOpenApiRoute } from './openapi.js';
import { addRequestLimit, addTokenHeaders } from './rate-limits.js';
import { addRequestLog } from './request-log.js';
import { addChat } from './routes/chat.js';
import { addCompletions } from './routes/completions.js';
import { addEmbeddings } from './routes/embeddings.js';
import { addHealth } from './routes/health.js';
import { addLoad } from './routes/load.js';
import { addMessages } from './routes/messages.js';
import { addMetrics } from './routes/metrics.js';
import { addModels } from './routes/models.js';
import { addPlayground } from './routes/playground.js';
import { addResponses } from './routes/responses.js';
import { addTokenize } from './routes/tokenize.js';
import { addVersion } from './routes/version.js';
import { STREAM_TIMING, type StreamTiming } from './sse.js';
import type { ServerState } from './state.js';
import { TokenBudgets } from './token-budgets.js';
import { addTracing, type SpanSink } from './tracing.js';

export interface ServerOptions {
  readonly models: ModelRegistry;
  readonly version: string;
  /** Empty asks nobody for a key. */
  readonly apiKeys: readonly ApiKey[];
  /** Of each key, or of all callers together where there is none; absent or null sets no limit. */
  readonly requestsPerMinute?: number | null;
  readonly tokensPerMinute?: number | null;
  /** Whether a request may bring a chat template of its own; default false. */
  readonly trustRequestTemplates?: boolean;
  /** How long streams may be silent; default 15 s until a comment, 30 s for a reader. */
  readonly timing?: StreamTiming;
  /** Time in which the headers, and in which the whole request must have arrived. */
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** Whether the log has the text of prompts; default false. */
  readonly logPrompts?: boolean;
  /** Takes the spans of requests; absent traces nothing. */
  readonly spans?: SpanSink;
  readonly state: ServerState;
  readonly logger: Logger;
}

const DEFAULTS = { headersTimeoutMs: 10_000, requestTimeoutMs: 60_000 };

const CONNECTION_CHECK_MS = 1000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;
const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The HTTP server, not listening yet. */
export function buildServer(options: ServerOptions): FastifyInstance {
  const app = createApp({ ...DEFAULTS, ...options });
  const context = createContext(options);
  app.addHook('onClose', async () => context.isolated.close());
  app.decorateRequest('startMs', 0);
  app.decorateRequest('usage', null);
  app.decorateRequest('record', null);
  app.addHook('onRequest', async (request, reply) => {
    request.startMs = performance.now();
    reply.header('x-request-id', request.id);
  });
  addRequestLog(app, options.logger, options.logPrompts ?? false);
  if (options.spans !== undefined) addTracing(app, options.spans);
  addAuth(app, options.apiKeys);
  addTokenHeaders(app, context.budgets);
  addRequestLimit(app, options.requestsPerMinute ?? null);
  addLoadReport(app, options.models);
  addBodyParser(app);
  addErrorHandling(app);
  const groups = [
    addCompletions,
    addChat,
    addResponses,
    addMessages,
    addEmbeddings,
    addTokenize,
    addModels,
    addLoad,
    addHealth,
    addMetrics,
    addVersion,
    addPlayground,
  ];
  addOpenApi(app, options.version);
  // In a context of their own, which is made when what describes them is there.
  app.register(async (inner) => {
    const routes = collectRoutes(inner);
    for (const addRoutes of groups) addRoutes(inner, context);
    addOpenApiRoute(inner);
    refuseOtherMethods(inner, routes);
  });
  return app;
}

function createApp(options: ServerOptions & typeof DEFAULTS): FastifyInstance {
  return Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: options.requestTimeoutMs,
    http: { headersTimeout: options.headersTimeoutMs, connectionsCheckingInterval: CONNECTION_CHECK_MS },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        verbose: true,
        allowUnionTypes: true,
      },
    },
  }) as unknown as FastifyInstance;
}

function createContext(options: ServerOptions): ServerContext {
  const { models, version, state, trustRequestTemplates = false, timing = STREAM_TIMING } = options;
  void models.failed.then(() => {
    state.phase = 'failed';
  });
  const isolated = new TemplateProcess();
  const startedAt = Math.floor(Date.now() / 1000);
  const { tokensPerMinute = null } = options;
  const budgets = tokensPerMinute === null ? null : new TokenBudgets(tokensPerMinute);
  return { models, version, state, isolated, trustRequestTemplates, timing, budgets, startedAt };
}

/** The caller's own id where it is harmless. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : `req-${randomUUID()}`;
}

function collectRoutes(app: FastifyInstance): Map<string, Set<string>> {
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = routes.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    routes.set(url, methods);
  });
  return routes;
}

/** Answers 405 where the path exists with another method. */
function refuseOtherMethods(app: FastifyInstance, routes: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, known] of [...routes]) {
    const allow = [...known].join(', ');
    const method = METHODS.filter((one) => !known.has(one));
    app.route({
      url,
      method,
      schema: { hide: true },
      onRequest: async (request, reply) => {
        reply.header('allow', allow);
        throw new ApiError(
          'method_not_allowed',
          `${url} does not take ${request.method}; it takes ${allow}.`,
        );
      },
      handler: async () => undefined,
    });
  }
}
