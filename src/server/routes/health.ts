import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';
import { assertHealthy } from '../state.js';

/** `GET /health` and `/health/ready`: 200 while work should be sent here: not while the model loads, nor from the signal that ends the server on. `/health/live`: 200 while the process answers at all. */
export function addHealth(app: FastifyInstance, context: ServerContext): void {
  const ready = async () => {
    assertHealthy(context.state);
    return { status: 'ready' };
  };
  app.get('/health', { schema: { summary: 'Whether the server takes work' } }, ready);
  app.get(
    '/health/ready',
    { schema: { summary: 'Whether the server takes work', security: [] }, config: { public: true } },
    ready,
  );
  app.get(
    '/health/live',
    { schema: { summary: 'Whether the process answers', security: [] }, config: { public: true } },
    async () => ({ status: 'live' }),
  );
}
