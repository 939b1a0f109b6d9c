import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';

/** `GET /version` */
export function addVersion(app: FastifyInstance, { version }: ServerContext): void {
  app.get('/version', { schema: { summary: 'The server’s version' } }, async () => ({ version }));
}
