import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../logger.js';
import { pathOf } from './error-handling.js';
import type { RequestRecord } from './run.js';

/** One line per request, however it ended. Neither the query nor, unless `logPrompts`, the body is in it. */
export function addRequestLog(app: FastifyInstance, logger: Logger, logPrompts: boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    const level = isProbe(request) ? 'debug' : 'info';
    if (!logger.isLevelEnabled(level)) return;
    reply.raw.once('close', () => {
      const prompt = logPrompts ? promptOf(request.body) : {};
      request.log[level]({ ...logFields(request, reply), ...prompt }, 'request');
    });
  });
}

/** Scrapes and probes come several times a second. */
function isProbe(request: FastifyRequest): boolean {
  return /^\/(metrics|health)(\/|$)/.test(pathOf(request));
}

function logFields(request: FastifyRequest, { raw }: FastifyReply): object {
  return {
    method: request.method,
    url: pathOf(request),
    status: raw.headersSent ? raw.statusCode : null,
    aborted: !raw.writableEnded,
    ms: Math.round(performance.now() - request.startMs),
    ...(request.keyName === null ? {} : { key: request.keyName }),
    ...request.usage?.(),
    ...(request.record === null ? {} : times(request.record)),
  };
}

/** Of several answers the longest wait, the first of their first tokens and the last of all. */
function times({ model, timings }: RequestRecord): object {
  const begun = timings().flatMap((timing) =>
    timing.firstMs === null ? [] : { ...timing, firstMs: timing.firstMs },
  );
  if (begun.length === 0) return { model };
  const firstMs = Math.min(...begun.map((one) => one.firstMs));
  return {
    model,
    queue_ms: Math.round(Math.max(...begun.map(({ queueMs }) => queueMs))),
    prefill_ms: Math.round(Math.max(...begun.map(({ prefillMs }) => prefillMs))),
    ttft_ms: Math.round(firstMs - Math.min(...begun.map(({ startMs }) => startMs))),
    decode_ms: Math.round(Math.max(...begun.map(({ lastMs }) => lastMs)) - firstMs),
  };
}

/** Where the routes have a prompt in their bodies. */
function promptOf(body: unknown): object {
  if (typeof body !== 'object' || body === null) return {};
  const { prompt, messages, input }: { prompt?: unknown; messages?: unknown; input?: unknown } = body;
  const given = prompt ?? messages ?? input;
  return given === undefined ? {} : { prompt: given };
}
