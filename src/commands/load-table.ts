import type { Table } from '../bench/report/page.js';
import type { Measurement } from '../bench/serve/measure.js';
import type { Agreement } from '../bench/serve/server-metrics.js';
import type { LoadSummary } from '../bench/serve/summary.js';
import type { Target } from '../bench/serve/types.js';
import { formatCount, formatPercent, formatTable } from './format.js';
import type { Offer } from './load-plan.js';

/** What a run is saved as: vLLM's keys, and below them what vLLM has not. */
export type LoadResult = LoadSummary & {
  readonly date: string;
  readonly backend: string;
  readonly model_id: string;
  readonly base_url: string;
  readonly dataset: string;
  readonly seed: number;
  readonly num_prompts: number;
  readonly request_rate: number | 'inf';
  readonly burstiness: number;
  readonly max_concurrency: number | null;
  readonly client: Measurement['client'];
  readonly server: Measurement['server'];
  /** Seconds after the last answer until a request was answered again; absent where that was not asked for, null where none was in time. */
  readonly recovery_seconds?: number | null;
};

export interface LoadSettings {
  readonly dataset: string;
  readonly seed: number;
  readonly burstiness: number;
}

export function loadResult(
  { summary, client, server }: Measurement,
  target: Target,
  offer: Offer,
  settings: LoadSettings,
): LoadResult {
  return {
    date: new Date().toISOString(),
    backend: target.backend,
    model_id: target.model,
    base_url: target.baseUrl,
    ...settings,
    num_prompts: offer.numPrompts,
    request_rate: Number.isFinite(offer.requestRate) ? offer.requestRate : 'inf',
    max_concurrency: offer.maxConcurrency,
    ...summary,
    client,
    server,
  };
}

const LATENCIES = [
  ['TTFT, ms', 'ttft'],
  ['TPOT, ms', 'tpot'],
  ['ITL, ms', 'itl'],
  ['E2E latency, ms', 'e2el'],
] as const;
const STATISTICS = ['mean', 'median', 'p90', 'p99', 'std'] as const;

/** Lines for people. @param tables that stand among them */
export function loadLines(result: LoadResult, tables: readonly Table[] = loadTables(result)): string[] {
  const { client } = result;
  return [
    `${result.model_id} at ${result.base_url} (${result.backend}); ${offerText(result)}`,
    ...countLines(result),
    ...tables.flatMap(({ heads, rows }) => ['', ...formatTable([heads, ...rows])]),
    ...(tables.length === 0 ? [] : ['']),
    `client: event loop busy ${formatPercent(client.utilization)}, late by ${client.meanLagMs.toFixed(2)} ms on average, p99 ${client.p99LagMs.toFixed(1)} ms, at most ${client.maxLagMs.toFixed(1)} ms`,
    ...recoveryLines(result),
  ];
}

/** Times, and where the server was watched what both sides counted. */
export function loadTables(result: LoadResult): readonly Table[] {
  const ms = (value: number | null) => (value === null ? '–' : value.toFixed(2));
  const times = LATENCIES.map(([name, key]) => [
    name,
    ...STATISTICS.map((statistic) => ms(result[`${statistic}_${key}_ms`])),
  ]);
  return [
    { title: 'Times', heads: ['', ...STATISTICS], rows: times },
    ...(result.server === null ? [] : [agreementTable(result.server.agreement)]),
  ];
}

function agreementTable(figures: readonly Agreement[]): Table {
  const rows = figures.map(({ figure, client, server, difference }) => [
    figure,
    client.toFixed(2),
    server.toFixed(2),
    `${difference < 0 ? '' : '+'}${(100 * difference).toFixed(2)}%`,
  ]);
  return { title: 'As client and server count', heads: ['', 'client', 'server', 'difference'], rows };
}

function offerText({ num_prompts, request_rate, burstiness, max_concurrency }: LoadResult): string {
  const arriving =
    request_rate === 'inf' ? 'as fast as they may' : `${request_rate}/s, burstiness ${burstiness}`;
  const bound = max_concurrency === null ? '' : `, ${max_concurrency} at once at most`;
  return `${formatCount(num_prompts)} requests, ${arriving}${bound}`;
}

function countLines(result: LoadResult): string[] {
  const errors = Object.entries(result.errors).map(([error, count]) => `${formatCount(count)} × ${error}`);
  const failed = errors.length === 0 ? '' : ` (${errors.join(', ')})`;
  const rate = (value: number) => `${value.toFixed(2)}/s`;
  const goodput = result.request_goodput === null ? '' : `, goodput ${rate(result.request_goodput)} requests`;
  return [
    `${formatCount(result.completed)} completed, ${formatCount(result.failed)} failed${failed}, in ${result.duration.toFixed(2)} s; up to ${result.max_concurrent_requests} at once`,
    `tokens: ${formatCount(result.total_input_tokens)} in, ${formatCount(result.total_output_tokens)} out`,
    `throughput: ${rate(result.request_throughput)} requests, ${rate(result.output_throughput)} tokens out, ${rate(result.total_token_throughput)} in and out${goodput}`,
    ...(result.without_usage === 0
      ? []
      : [
          `${formatCount(result.without_usage)} answers came without usage: their texts are counted as tokens`,
        ]),
  ];
}

function recoveryLines({ recovery_seconds }: LoadResult): string[] {
  if (recovery_seconds === undefined) return [];
  return [
    recovery_seconds === null
      ? 'recovery: no request was answered in time'
      : `recovery: a request was answered ${recovery_seconds.toFixed(2)} s after the last`,
  ];
}

/** One row for each result, under its keys; nested figures are left out. */
export function loadCsv(results: readonly Readonly<Record<string, unknown>>[]): string {
  const keys = [
    ...new Set(results.flatMap((result) => Object.keys(result).filter((key) => isCell(result[key])))),
  ];
  const rows = results.map((result) => keys.map((key) => cell(result[key])).join(','));
  return `${[keys.join(','), ...rows].join('\n')}\n`;
}

function isCell(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

function cell(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
