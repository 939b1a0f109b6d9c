import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from '../errors.js';
import { type ApiKey, digestOf } from './keys.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a key. */
    readonly public?: boolean;
  }

  interface FastifyRequest {
    /** Name of the key that the request carries; null where none is asked for. */
    keyName: string | null;
  }
}

/** Asks every route for a key, save those whose config says `public`. Without keys nothing is asked for. */
export function addAuth(app: FastifyInstance, keys: readonly ApiKey[]): void {
  app.decorateRequest('keyName', null);
  if (keys.length === 0) return;
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.public === true) return;
    request.keyName = nameOfKey(request, keys);
    if (request.keyName !== null) return;
    reply.header('www-authenticate', 'Bearer');
    throw new ApiError('invalid_api_key', 'This server needs a valid key: "Authorization: Bearer <key>".');
  });
}

/** Digests have one length, and all are compared, so the time taken tells nothing. */
function nameOfKey(request: FastifyRequest, keys: readonly ApiKey[]): string | null {
  const key = givenKey(request);
  if (key === null) return null;
  const digest = digestOf(key);
  const equal = keys.filter((known) => timingSafeEqual(known.digest, digest));
  return equal[0]?.name ?? null;
}

/** As a bearer's token, or as Anthropic's clients send it. */
function givenKey({ headers }: FastifyRequest): string | null {
  const [scheme, key] = (headers.authorization ?? '').split(' ', 2);
  if (scheme?.toLowerCase() === 'bearer' && key !== undefined) return key;
  const named = headers['x-api-key'];
  return typeof named === 'string' ? named : null;
}
