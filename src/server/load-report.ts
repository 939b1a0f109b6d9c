import type { FastifyInstance } from 'fastify';
import type { ModelRegistry } from './models.js';

const FORMATS: Readonly<Record<string, (metrics: Readonly<Record<string, number>>) => string>> = {
  text: (metrics) =>
    `TEXT ${Object.entries(metrics)
      .map(([name, value]) => `named_metrics.${name}=${value}`)
      .join(', ')}`,
  json: (metrics) => `JSON ${JSON.stringify({ named_metrics: metrics })}`,
};

/**
 * Answers a request that carries `endpoint-load-metrics-format: TEXT` or `JSON` with the load, in `endpoint-load-metrics`, as ORCA has it
 * (Open Request Cost Aggregation, native HTTP formats) and with vLLM's names. Of several models the queues are added up.
 */
export function addLoadReport(app: FastifyInstance, models: Pick<ModelRegistry, 'loaded'>): void {
  app.addHook('onSend', async (request, reply) => {
    const asked = request.headers['endpoint-load-metrics-format'];
    const write = typeof asked === 'string' ? FORMATS[asked.toLowerCase()] : undefined;
    if (write !== undefined) reply.header('endpoint-load-metrics', write(loadOf(models)));
  });
}

function loadOf(models: Pick<ModelRegistry, 'loaded'>): Readonly<Record<string, number>> {
  const all = models.loaded().map(({ engine }) => engine.stats());
  return {
    kv_cache_usage_perc: Math.max(0, ...all.map(({ kvUsage }) => kvUsage)),
    num_requests_waiting: all.reduce((sum, { numWaiting }) => sum + numWaiting, 0),
    num_requests_running: all.reduce((sum, { numRunning }) => sum + numRunning, 0),
  };
}
