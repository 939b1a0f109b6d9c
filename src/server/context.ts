import type { FastifyReply } from 'fastify';
import type { Lease, ModelRegistry } from './models.js';
import type { ServerState } from './state.js';

/** What the routes work with. */
export interface ServerContext {
  readonly models: ModelRegistry;
  readonly version: string;
  readonly state: ServerState;
  /** Unix seconds. */
  readonly startedAt: number;
}

/**
 * Holds the model that a request names until its connection is done with it, however that ends.
 * @throws ApiError `model_not_found`, 503 where the server takes no work or the model cannot be loaded
 */
export async function leaseModel(
  { models }: ServerContext,
  reply: FastifyReply,
  name: string | null | undefined,
): Promise<Lease> {
  const lease = await models.lease(name);
  if (reply.raw.closed) lease.release();
  else reply.raw.once('close', lease.release);
  return lease;
}
