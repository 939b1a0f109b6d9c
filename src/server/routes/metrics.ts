import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import type { ServerContext } from '../context.js';
import { Exposition } from '../exposition.js';

/** `GET /metrics`, in the Prometheus text format. Of several models the series differ in `model_name`. */
export function addMetrics(app: FastifyInstance, { models }: ServerContext): void {
  const exposition = new Exposition();
  app.get('/metrics', { schema: { summary: 'Prometheus metrics' } }, async (_request, reply) => {
    reply.header('content-type', Registry.PROMETHEUS_CONTENT_TYPE);
    return exposition.bytes(models.metrics());
  });
}
