import type { LoadSummary } from './summary.js';

/** Values of a page of metrics in the Prometheus text format, those of one name summed over their labels. */
export type MetricValues = ReadonlyMap<string, number>;

export function parseMetrics(text: string): MetricValues {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/.exec(line) ?? [];
    if (name !== undefined) values.set(name, (values.get(name) ?? 0) + Number(value));
  }
  return values;
}

/** Value of the first series of `name` whose labels hold `label`, such as `kind="weights"`; null where there is none. */
export function labelled(text: string, name: string, label: string): number | null {
  const line = text.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(label));
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ')));
}

/** Value of a label of the first series of `name`; null where there is none. */
export function labelOf(text: string, name: string, label: string): string | null {
  const line = text.split('\n').find((one) => one.startsWith(`${name}{`));
  return new RegExp(`[{,]${label}="([^"]*)"`).exec(line ?? '')?.[1] ?? null;
}

export async function readMetrics(baseUrl: string, apiKey: string | null): Promise<string> {
  const headers: Record<string, string> = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
  const answer = await fetch(`${baseUrl}/metrics`, { headers, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.text();
}

/** What a server was doing at a time. */
export interface ServerSample {
  /** ms since the start. */
  readonly atMs: number;
  readonly running: number | null;
  readonly waiting: number | null;
  /** Share of the KV cache, 0–1. */
  readonly kvUsage: number | null;
}

/** vLLM's names, which halflight has too, and llama-server's. */
const GAUGES = {
  running: ['vllm:num_requests_running', 'llamacpp:requests_processing'],
  waiting: ['vllm:num_requests_waiting', 'llamacpp:requests_deferred'],
  kvUsage: ['vllm:kv_cache_usage_perc', 'llamacpp:kv_cache_usage_ratio'],
} as const;

export function sampleOf(values: MetricValues, atMs: number): ServerSample {
  const read = (names: readonly string[]) =>
    names.map((name) => values.get(name)).find((value) => value !== undefined) ?? null;
  return {
    atMs,
    running: read(GAUGES.running),
    waiting: read(GAUGES.waiting),
    kvUsage: read(GAUGES.kvUsage),
  };
}

/** One figure as client and server count it. */
export interface Agreement {
  readonly figure: string;
  readonly client: number;
  readonly server: number;
  /** Client's over server's, less 1. */
  readonly difference: number;
}

/** What both sides know, of what happened between two pages of metrics; without those figures that a server does not count. */
export function agreement(
  before: MetricValues,
  after: MetricValues,
  summary: LoadSummary,
): readonly Agreement[] {
  const grown = (...names: readonly string[]) => {
    const name = names.find((one) => after.has(one));
    return name === undefined ? null : (after.get(name) ?? 0) - (before.get(name) ?? 0);
  };
  const meanMs = (name: string) => {
    const [sum, count] = [grown(`${name}_sum`), grown(`${name}_count`)];
    return sum === null || count === null || count === 0 ? null : (1000 * sum) / count;
  };
  const pairs: readonly [string, number | null, number | null][] = [
    [
      'prompt tokens',
      summary.total_input_tokens,
      grown('vllm:prompt_tokens_total', 'llamacpp:prompt_tokens_total'),
    ],
    [
      'generated tokens',
      summary.total_output_tokens,
      grown('vllm:generation_tokens_total', 'llamacpp:tokens_predicted_total'),
    ],
    ['mean TTFT, ms', summary.mean_ttft_ms, meanMs('vllm:time_to_first_token_seconds')],
    ['mean time between tokens, ms', summary.mean_token_gap_ms, meanMs('vllm:inter_token_latency_seconds')],
    ['mean E2E latency, ms', summary.mean_e2el_ms, meanMs('vllm:e2e_request_latency_seconds')],
  ];
  return pairs.flatMap(([figure, client, server]) =>
    client === null || server === null || server === 0
      ? []
      : [{ figure, client, server, difference: client / server - 1 }],
  );
}
