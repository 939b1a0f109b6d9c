import t from 'tap';
import { summarize, timesOf, valuesOf } from '#halflight/bench/serve/summary.js';
import type { RequestRecord } from '#halflight/bench/serve/types.js';
import { record } from '../../support/load.js';

const client = { utilization: 0, meanLagMs: 0, p99LagMs: 0, maxLagMs: 0 };

function summary(records: readonly RequestRecord[], goodput = {}) {
  return summarize({ records, durationMs: 2000, client }, goodput);
}

t.test('figures are those worked out by hand', (t) => {
  const result = summary([record([100, 110, 130]), record([200, 240]), record([300])]);
  t.match(result, {
    duration: 2,
    completed: 3,
    failed: 0,
    total_input_tokens: 30,
    total_output_tokens: 6,
    request_throughput: 1.5,
    output_throughput: 3,
    total_token_throughput: 18,
    mean_ttft_ms: 200,
    median_ttft_ms: 200,
    p90_ttft_ms: 280,
    p99_ttft_ms: 298,
    mean_itl_ms: 70 / 3,
    mean_token_gap_ms: 70 / 3,
    median_itl_ms: 20,
    mean_tpot_ms: 27.5,
    median_e2el_ms: 240,
  });
  t.equal(result.std_ttft_ms, Math.sqrt(20_000 / 3));
  t.end();
});

t.test('every failure is counted by its name, and its times count for nothing', (t) => {
  const refused = record([], { error: 'HTTP 429', usage: null });
  const result = summary([record([100, 110]), refused, refused, record([1], { error: 'timeout' })]);
  t.match(result, { completed: 1, failed: 3, mean_ttft_ms: 100, total_output_tokens: 2 });
  t.strictSame(result.errors, { 'HTTP 429': 2, timeout: 1 });
  t.end();
});

t.test('of nothing there are no times, and no rates', (t) => {
  t.match(summary([record([], { error: 'timeout' })]), {
    mean_ttft_ms: null,
    p99_itl_ms: null,
    request_throughput: 0,
  });
  t.end();
});

t.test('goodput counts answers that keep every limit, in each of their gaps', (t) => {
  const records = [record([100, 110, 130]), record([200, 240])];
  t.equal(summary(records, { ttft: 100 }).request_goodput, 0.5);
  t.equal(summary(records, { ttft: 200, itl: 40 }).request_goodput, 1);
  t.equal(summary(records, { itl: 19 }).request_goodput, 0);
  t.equal(summary(records, { tpot: 15 }).request_goodput, 0.5);
  t.equal(summary(records, { e2el: 130 }).request_goodput, 0.5);
  t.equal(summarize({ records, durationMs: 1, client }, null).request_goodput, null);
  t.end();
});

t.test('where usage is missing, texts stand for tokens, and that is said', (t) => {
  t.match(summary([record([1, 2, 3], { usage: null })]), {
    total_output_tokens: 3,
    total_input_tokens: 0,
    without_usage: 1,
  });
  t.end();
});

t.test('the time of a token is that of all tokens, whatever texts they came in', (t) => {
  const usage = { inputTokens: 1, outputTokens: 5 };
  // 40 ms for four gaps, in two texts; 30 ms for two.
  const result = summary([record([10, 50], { usage }), record([10, 20, 40])]);
  t.equal(result.mean_token_gap_ms, 70 / 6);
  t.equal(summary([record([10])]).mean_token_gap_ms, null);
  t.end();
});

t.test('the most requests at once are found', (t) => {
  const at = (sentMs: number, endMs: number) => record([1], { sentMs, endMs });
  t.equal(summary([at(0, 10), at(5, 10), at(10, 5), at(30, 1)]).max_concurrent_requests, 2);
  t.end();
});

t.test('the gaps of all answers are one list', (t) => {
  const times = [record([100, 110, 130]), record([200, 240])].map(timesOf).filter((one) => one !== null);
  t.strictSame(valuesOf(times, 'itl'), [10, 20, 40]);
  t.strictSame(valuesOf(times, 'ttft'), [100, 200]);
  t.end();
});
