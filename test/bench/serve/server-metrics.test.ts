import t from 'tap';
import {
  agreement,
  labelled,
  labelOf,
  parseMetrics,
  readMetrics,
  sampleOf,
} from '#halflight/bench/serve/server-metrics.js';
import { summarize } from '#halflight/bench/serve/summary.js';
import { record } from '../../support/load.js';

const PAGE = `# HELP vllm:num_requests_running Sequences.
vllm:num_requests_running{model_name="a",engine="0"} 3
vllm:kv_cache_usage_perc{model_name="a"} 0.25
vllm:request_success_total{finished_reason="stop"} 2
vllm:request_success_total{finished_reason="length"} 5
halflight:gpu_memory_bytes{kind="weights",model_name="a"} 1e6
halflight:gpu_memory_bytes{kind="kv_cache",model_name="a"} 2000
vllm:cache_config_info{block_size="16",num_gpu_blocks="64"} 1
llamacpp:requests_deferred 4
`;

t.test('a page of metrics is read, series of one name added', (t) => {
  const values = parseMetrics(PAGE);
  t.equal(values.get('vllm:request_success_total'), 7);
  t.equal(values.get('halflight:gpu_memory_bytes'), 1_002_000);
  t.strictSame(sampleOf(values, 5), { atMs: 5, running: 3, waiting: 4, kvUsage: 0.25 });
  t.strictSame(sampleOf(new Map(), 5), { atMs: 5, running: null, waiting: null, kvUsage: null });
  t.end();
});

t.test('a series is found by its label, and a label by its series', (t) => {
  t.equal(labelled(PAGE, 'halflight:gpu_memory_bytes', 'kind="kv_cache"'), 2000);
  t.equal(labelled(PAGE, 'halflight:gpu_memory_bytes', 'kind="host"'), null);
  t.equal(labelOf(PAGE, 'vllm:cache_config_info', 'num_gpu_blocks'), '64');
  t.equal(labelOf(PAGE, 'vllm:cache_config_info', 'blocks'), null);
  t.end();
});

t.test('client and server are compared in what both count', (t) => {
  const client = { utilization: 0, meanLagMs: 0, p99LagMs: 0, maxLagMs: 0 };
  const summary = summarize({ records: [record([110, 120])], durationMs: 1000, client }, null);
  const before = parseMetrics('vllm:generation_tokens_total 5\nvllm:time_to_first_token_seconds_sum 1\n');
  const after = parseMetrics(
    'vllm:generation_tokens_total 7\nvllm:time_to_first_token_seconds_sum 1.1\nvllm:time_to_first_token_seconds_count 1\n',
  );
  const [tokens, ttft, ...more] = agreement(before, after, summary);
  t.strictSame(tokens, { figure: 'generated tokens', client: 2, server: 2, difference: 0 });
  t.equal(ttft.figure, 'mean TTFT, ms');
  // 110 ms against 100.
  t.ok(Math.abs(ttft.difference - 0.1) < 1e-9);
  t.strictSame(more, []);
  t.end();
});

t.test('a server without metrics is told', async (t) => {
  await t.rejects(readMetrics('http://127.0.0.1:1', null));
});
