import type { FastifyReply } from 'fastify';
import { ApiError } from '../errors.js';
import type { TemplateProcess } from '../text/template-process.js';
import { whenClosed } from './closing.js';
import type { Lease, ModelRegistry } from './models.js';
import type { StreamTiming } from './sse.js';
import type { ServerState } from './state.js';
import type { TokenBudgets } from './token-budgets.js';

/** What the routes work with. */
export interface ServerContext {
  readonly models: ModelRegistry;
  readonly version: string;
  readonly state: ServerState;
  /** Renders what callers wrote of templates. */
  readonly isolated: TemplateProcess;
  /** Whether a request may bring a chat template of its own. */
  readonly trustRequestTemplates: boolean;
  /** Of all streams. */
  readonly timing: StreamTiming;
  /** Tokens that callers may spend; null where they are not limited. */
  readonly budgets: TokenBudgets | null;
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
  const lease = await models.lease(name).catch((error: unknown) => {
    if (error instanceof ApiError) throw error;
    // What is wrong names files of this machine: the log's business.
    reply.log.error({ err: error, model: name }, 'a model cannot be loaded');
    throw new ApiError(
      'model_unavailable',
      'This model cannot be loaded; the server’s log says why.',
      'model',
    );
  });
  whenClosed(reply, lease.release);
  return lease;
}
