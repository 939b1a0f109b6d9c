import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';
import { assertReady } from '../state.js';

/** `GET /health` and `/health/ready`: 200 while the server takes work. `/health/live`: 200 while the process answers at all. */
export function addHealth(app: FastifyInstance, context: ServerContext): void {
  const ready = async () => {
    assertReady(context.state);
    return { status: 'ready' };
  };
  app.get('/health', ready);
  app.get('/health/ready', { config: { public: true } }, ready);
  app.get('/health/live', { config: { public: true } }, async () => ({ status: 'live' }));
}
