import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../errors.js';
import type { Allowance, TokenBudgets } from './token-budgets.js';

const MINUTE_MS = 60_000;

/** Callers that are told apart: more than there may be names of keys. */
const MAX_CALLERS = 2000;

/** Who a request counts for: its key, or all callers together where no key is asked for. */
export function callerOf({ keyName }: FastifyRequest): string {
  return keyName ?? '';
}

/**
 * Counts every POST against its caller's limit, and refuses those beyond it with 429 `rate_limit_exceeded`. Replies tell what is left in
 * OpenAI's headers.
 * @param perMinute null sets no limit
 */
export function addRequestLimit(app: FastifyInstance, perMinute: number | null): void {
  if (perMinute === null) return;
  app.register(rateLimit, {
    global: false,
    max: perMinute,
    timeWindow: MINUTE_MS,
    cache: MAX_CALLERS,
    keyGenerator: callerOf,
  });
  app.after(() => {
    const count = app.createRateLimit();
    app.addHook('onRequest', async (request, reply) => {
      if (request.method !== 'POST') return;
      const counted = await count(request);
      if (!counted.isAllowed) applyLimit(reply, perMinute, counted);
    });
  });
}

interface Counted {
  readonly remaining: number;
  /** ms until the minute is over. */
  readonly ttl: number;
  readonly isExceeded: boolean;
}

function applyLimit(reply: FastifyReply, limit: number, { remaining, ttl, isExceeded }: Counted): void {
  setAllowance(reply, 'requests', { limit, remaining, resetMs: ttl });
  if (!isExceeded) return;
  const message = `The limit of ${limit} requests per minute is reached.`;
  throw new ApiError('rate_limit_exceeded', message, null, Math.max(1, Math.ceil(ttl / 1000)));
}

/** Tells with every POST what its caller has left of its tokens. */
export function addTokenHeaders(app: FastifyInstance, budgets: TokenBudgets | null): void {
  if (budgets === null) return;
  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'POST') setAllowance(reply, 'tokens', budgets.allowance(callerOf(request)));
  });
}

/** OpenAI's three headers of a limit. */
export function setAllowance(reply: FastifyReply, unit: 'requests' | 'tokens', allowance: Allowance): void {
  reply.header(`x-ratelimit-limit-${unit}`, allowance.limit);
  reply.header(`x-ratelimit-remaining-${unit}`, allowance.remaining);
  reply.header(`x-ratelimit-reset-${unit}`, formatDuration(allowance.resetMs));
}

/** As OpenAI writes them: `6m0s`, `1.5s`, `120ms`; rounded up to whole ms. */
export function formatDuration(durationMs: number): string {
  const ms = Math.ceil(durationMs);
  if (ms < 1000) return `${ms}ms`;
  if (ms < MINUTE_MS) return `${ms / 1000}s`;
  const minutes = Math.floor(ms / MINUTE_MS);
  return `${minutes}m${(ms - minutes * MINUTE_MS) / 1000}s`;
}
