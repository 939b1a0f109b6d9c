import { quantileOf } from '../../calibrate/statistics.js';
import { GOODPUT_METRICS, type Goodput, type GoodputMetric } from './goodput.js';
import type { LoadReport, RequestRecord } from './types.js';

/** Times of one whole answer, ms. */
export interface RequestTimes {
  /** To the first text that is not empty. */
  readonly ttft: number;
  /** Between two texts. */
  readonly itls: readonly number[];
  /** Mean time of a token after the first; null of a lone one. */
  readonly tpot: number | null;
  /** To the last text. */
  readonly e2el: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Figures under the names of vLLM's benchmark; times in ms, rates a second. Of nothing, they are null. */
export interface LoadSummary extends Statistics {
  readonly duration: number;
  readonly completed: number;
  readonly failed: number;
  /** How many requests failed of what. */
  readonly errors: Readonly<Record<string, number>>;
  /** Answers whose server did not count their tokens; each text counts as one there, and the prompt as none. */
  readonly without_usage: number;
  readonly total_input_tokens: number;
  readonly total_output_tokens: number;
  readonly request_throughput: number;
  /** null where no limits were given. */
  readonly request_goodput: number | null;
  readonly output_throughput: number;
  readonly total_token_throughput: number;
  readonly max_concurrent_requests: number;
  /** Of all tokens but the first of each answer. A text may hold several tokens or a part of one, and then the ITL is not that of tokens. */
  readonly mean_token_gap_ms: number | null;
}

const STATISTICS = {
  mean: meanOf,
  median: (sorted: readonly number[]) => quantileOf(sorted, 0.5),
  std: deviationOf,
  p90: (sorted: readonly number[]) => quantileOf(sorted, 0.9),
  p99: (sorted: readonly number[]) => quantileOf(sorted, 0.99),
} as const;
export type Statistic = keyof typeof STATISTICS;
export type StatisticName = `${Statistic}_${GoodputMetric}_ms`;
export type Statistics = Readonly<Record<StatisticName, number | null>>;

/** @returns null of a request that failed */
export function timesOf({ timesMs, usage, error }: RequestRecord): RequestTimes | null {
  if (error !== null) return null;
  const [ttft] = timesMs;
  const e2el = timesMs[timesMs.length - 1];
  const outputTokens = usage?.outputTokens ?? timesMs.length;
  return {
    ttft,
    itls: timesMs.slice(1).map((time, i) => time - timesMs[i]),
    tpot: outputTokens > 1 ? (e2el - ttft) / (outputTokens - 1) : null,
    e2el,
    inputTokens: usage?.inputTokens ?? 0,
    outputTokens,
  };
}

export function summarize({ records, durationMs }: LoadReport, goodput: Goodput | null): LoadSummary {
  const times = records.map(timesOf).filter((one) => one !== null);
  const duration = durationMs / 1000;
  const total = (of: (one: RequestTimes) => number) => times.reduce((sum, one) => sum + of(one), 0);
  const input = total(({ inputTokens }) => inputTokens);
  const output = total(({ outputTokens }) => outputTokens);
  const numGood = times.filter((one) => goodput !== null && isGood(one, goodput)).length;
  return {
    duration,
    completed: times.length,
    failed: records.length - times.length,
    errors: countErrors(records),
    without_usage: records.filter(({ error, usage }) => error === null && usage === null).length,
    total_input_tokens: input,
    total_output_tokens: output,
    request_throughput: times.length / duration,
    request_goodput: goodput === null ? null : numGood / duration,
    output_throughput: output / duration,
    total_token_throughput: (input + output) / duration,
    max_concurrent_requests: mostAtOnce(records),
    mean_token_gap_ms: meanTokenGap(times),
    ...statistics(times),
  };
}

/** All values of a metric, ascending; of the ITL those of all answers. */
export function valuesOf(times: readonly RequestTimes[], metric: GoodputMetric): number[] {
  const values =
    metric === 'itl'
      ? times.flatMap(({ itls }) => itls)
      : times.map((one) => one[metric]).filter((value) => value !== null);
  return values.toSorted((a, b) => a - b);
}

function statistics(times: readonly RequestTimes[]): Statistics {
  const figures = GOODPUT_METRICS.flatMap((metric) => {
    const sorted = valuesOf(times, metric);
    return Object.entries(STATISTICS).map(([name, of]) => [
      `${name}_${metric}_ms`,
      sorted.length === 0 ? null : of(sorted),
    ]);
  });
  return Object.fromEntries(figures) as Statistics;
}

function meanTokenGap(times: readonly RequestTimes[]): number | null {
  const gaps = times.reduce((sum, { outputTokens }) => sum + outputTokens - 1, 0);
  return gaps > 0 ? times.reduce((sum, { e2el, ttft }) => sum + e2el - ttft, 0) / gaps : null;
}

/** As vLLM, of the ITL all of an answer must keep the limit. */
function isGood({ ttft, tpot, itls, e2el }: RequestTimes, limits: Goodput): boolean {
  const longest: Record<GoodputMetric, number> = { ttft, tpot: tpot ?? 0, itl: Math.max(0, ...itls), e2el };
  return GOODPUT_METRICS.every((metric) => longest[metric] <= (limits[metric] ?? Number.POSITIVE_INFINITY));
}

function countErrors(records: readonly RequestRecord[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { error } of records) if (error !== null) counts.set(error, (counts.get(error) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function mostAtOnce(records: readonly RequestRecord[]): number {
  const changes = records.flatMap(({ sentMs, endMs }) => [
    { atMs: sentMs, by: 1 },
    { atMs: sentMs + endMs, by: -1 },
  ]);
  // One that ends when another begins has made room for it.
  changes.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let now = 0;
  return changes.reduce((most, { by }) => {
    now += by;
    return Math.max(most, now);
  }, 0);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of the population, as numpy's `std` has it. */
function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}
