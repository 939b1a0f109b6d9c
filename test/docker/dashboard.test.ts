import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { FakeEngine } from '../support/fake-engine.js';
import { root } from '../support/paths.js';
import { testServer } from '../support/server.js';

const FOLDER = join(root, 'docker');

interface Dashboard {
  readonly panels: readonly {
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const dashboard = JSON.parse(
  readFileSync(join(FOLDER, 'grafana/dashboards/halflight.json'), 'utf8'),
) as Dashboard;

/** Names that vLLM's own dashboards and routers ask for. */
const VLLM = [
  'vllm:num_requests_running',
  'vllm:num_requests_waiting',
  'vllm:kv_cache_usage_perc',
  'vllm:cache_config_info',
  'vllm:prefix_cache_queries_total',
  'vllm:prefix_cache_hits_total',
  'vllm:num_preemptions_total',
  'vllm:prompt_tokens_total',
  'vllm:generation_tokens_total',
  'vllm:request_success_total',
  'vllm:spec_decode_num_drafts_total',
  'vllm:spec_decode_num_draft_tokens_total',
  'vllm:spec_decode_num_accepted_tokens_total',
  ...[
    'vllm:time_to_first_token_seconds',
    'vllm:inter_token_latency_seconds',
    'vllm:request_time_per_output_token_seconds',
    'vllm:e2e_request_latency_seconds',
    'vllm:request_queue_time_seconds',
    'vllm:request_inference_time_seconds',
    'vllm:request_prefill_time_seconds',
    'vllm:request_decode_time_seconds',
    'vllm:request_prompt_tokens',
    'vllm:request_generation_tokens',
    'vllm:request_params_max_tokens',
    'vllm:request_params_n',
    'vllm:iteration_tokens_total',
  ].flatMap((name) => [`${name}_bucket`, `${name}_sum`, `${name}_count`]),
];

/** Names of the series on `/metrics`, after one answer on a device that tells its time. */
async function served(): Promise<ReadonlySet<string>> {
  const app = testServer({ engine: new FakeEngine({ stats: { gpuMs: 1 } }) });
  const payload = { prompt: 'Hi', max_tokens: 3 };
  await app.inject({ method: 'POST', url: '/v1/completions', payload });
  const { body } = await app.inject('/metrics');
  await app.close();
  return new Set([...body.matchAll(/^([a-z0-9_:]+)[{ ]/gm)].map(([, name = '']) => name));
}

t.test('every metric of the dashboard is served', async (t) => {
  const names = await served();
  const asked = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr)));
  t.ok(asked.length > 20);
  for (const name of new Set(asked)) t.ok(names.has(name), name);
});

function metricsOf(expr: string): readonly string[] {
  return [...expr.matchAll(/(?:vllm|halflight):[a-z0-9_]+/g)].map(([name]) => name);
}

t.test('every metric that vLLM’s dashboards ask for is served', async (t) => {
  const names = await served();
  for (const name of VLLM) t.ok(names.has(name), name);
});

t.test('Grafana is told where the dashboard and its data are', async (t) => {
  const read = (name: string) => parse(readFileSync(join(FOLDER, 'grafana/provisioning', name), 'utf8'));
  const [source] = read('datasources/prometheus.yaml').datasources;
  t.match(source, { type: 'prometheus', url: 'http://prometheus:9090' });
  for (const { datasource } of dashboard.panels) t.equal(datasource.uid, source.uid);
  t.match(read('dashboards/halflight.yaml').providers, [
    { options: { path: '/var/lib/grafana/dashboards' } },
  ]);
  const { scrape_configs: jobs } = parse(readFileSync(join(FOLDER, 'prometheus/prometheus.yml'), 'utf8'));
  t.match(jobs, [{ static_configs: [{ targets: ['halflight:8000'] }] }]);
});
