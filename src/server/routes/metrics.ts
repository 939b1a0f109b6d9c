import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';

/** `GET /metrics`, in the Prometheus text format. */
export function addMetrics(app: FastifyInstance, { metrics }: ServerContext): void {
  app.get('/metrics', async (_request, reply) => {
    reply.header('content-type', metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}
