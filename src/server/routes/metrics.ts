import type { FastifyInstance } from 'fastify';
import { AggregatorRegistry, Registry } from 'prom-client';
import type { ServerContext } from '../context.js';
import type { Metrics } from '../metrics.js';

/** `GET /metrics`, in the Prometheus text format. */
export function addMetrics(app: FastifyInstance, { models }: ServerContext): void {
  app.get('/metrics', { schema: { summary: 'Prometheus metrics' } }, async (_request, reply) => {
    reply.header('content-type', Registry.PROMETHEUS_CONTENT_TYPE);
    return textOf(models.metrics());
  });
}

/** Of several models, whose series differ in `model_name`, each metric is told once. */
async function textOf(all: readonly Metrics[]): Promise<string> {
  const [only] = all;
  if (all.length === 1 && only !== undefined) return only.registry.metrics();
  const parts = await Promise.all(all.map(({ registry }) => registry.getMetricsAsJSON()));
  return AggregatorRegistry.aggregate(parts).metrics();
}
