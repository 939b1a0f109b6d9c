import t from 'tap';
import { summarize } from '#halflight/bench/serve/summary.js';
import { loadCsv, loadLines, loadResult, loadTables } from '#halflight/commands/load-table.js';
import { record, target } from '../support/load.js';

const client = { utilization: 0.125, meanLagMs: 0.5, p99LagMs: 2, maxLagMs: 3 };
const records = [record([100, 110]), record([], { error: 'HTTP 429', usage: null })];
const summary = summarize({ records, durationMs: 1000, client }, { ttft: 500 });
const measurement = {
  summary,
  times: [],
  client,
  bottleneck: null,
  warmupError: null,
  server: {
    agreement: [{ figure: 'generated tokens', client: 2, server: 2.1, difference: -0.05 }],
    samples: [],
  },
};
const offer = { numPrompts: 2, requestRate: Number.POSITIVE_INFINITY, maxConcurrency: 1 };
const result = loadResult(measurement, target('http://x'), offer, {
  dataset: 'random',
  seed: 0,
  burstiness: 1,
});

t.test('a result has vLLM’s keys beside what was asked', (t) => {
  t.match(result, {
    backend: 'openai',
    model_id: 'toy',
    num_prompts: 2,
    request_rate: 'inf',
    max_concurrency: 1,
    duration: 1,
    completed: 1,
    failed: 1,
    total_input_tokens: 10,
    total_output_tokens: 2,
    request_throughput: 1,
    request_goodput: 1,
    output_throughput: 2,
    total_token_throughput: 12,
    mean_ttft_ms: 100,
    std_itl_ms: 0,
    p99_e2el_ms: 110,
  });
  t.end();
});

t.test('the table tells counts, failures by name, times, the server and the client', (t) => {
  const text = loadLines({ ...result, recovery_seconds: 0.5 }).join('\n');
  t.match(text, /^toy at http:\/\/x \(openai\); 2 requests, as fast as they may, 1 at once at most$/m);
  t.match(text, /^1 completed, 1 failed \(1 × HTTP 429\), in 1\.00 s; up to \d at once$/m);
  t.match(text, /goodput 1\.00\/s requests$/m);
  t.match(text, /^TTFT, ms +100\.00 +100\.00/m);
  t.match(text, /^generated tokens +2\.00 +2\.10 +-5\.00%$/m);
  t.match(text, /^client: event loop busy 12\.5%, late by 0\.50 ms on average/m);
  t.match(text, /^recovery: a request was answered 0\.50 s after the last$/m);
  t.end();
});

t.test('tables may stand elsewhere', (t) => {
  t.notMatch(loadLines(result, []).join('\n'), /TTFT/);
  t.strictSame(
    loadTables(result).map(({ title }) => title),
    ['Times', 'As client and server count'],
  );
  t.end();
});

t.test('what was not measured is a dash', (t) => {
  const none = summarize({ records: records.slice(1), durationMs: 1000, client }, null);
  const text = loadLines({ ...result, ...none, server: null, recovery_seconds: null }).join('\n');
  t.match(text, /^TTFT, ms +– +–/m);
  t.match(text, /^recovery: no request was answered in time$/m);
  t.end();
});

t.test('comma-separated values have a row for each result and leave nested figures out', (t) => {
  const rows = [
    { a: 1, b: 'x,"y"', c: { d: 1 } },
    { a: null, e: true },
  ];
  t.equal(loadCsv(rows), 'a,b,e\n1,"x,""y""",\n,,true\n');
  t.match(loadCsv([{ ...result }]), /^date,backend,model_id,/);
  t.end();
});
