import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from '../errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a key. */
    readonly public?: boolean;
  }
}

/** Asks every route for a key, save those whose config says `public`. Without keys nothing is asked for. */
export function addAuth(app: FastifyInstance, apiKeys: readonly string[]): void {
  if (apiKeys.length === 0) return;
  const digests = apiKeys.map(digest);
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.public === true || hasKey(request, digests)) return;
    reply.header('www-authenticate', 'Bearer');
    throw new ApiError('invalid_api_key', 'This server needs a valid key: "Authorization: Bearer <key>".');
  });
}

/** Digests have one length, and all are compared, so the time taken tells nothing. */
function hasKey(request: FastifyRequest, digests: readonly Buffer[]): boolean {
  const given = digest(givenKey(request) ?? '');
  const numEqual = digests.filter((known) => timingSafeEqual(known, given)).length;
  return numEqual > 0;
}

/** As a bearer's token, or as Anthropic's clients send it. */
function givenKey({ headers }: FastifyRequest): string | null {
  const [scheme, key] = (headers.authorization ?? '').split(' ', 2);
  if (scheme?.toLowerCase() === 'bearer' && key !== undefined) return key;
  const named = headers['x-api-key'];
  return typeof named === 'string' ? named : null;
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
