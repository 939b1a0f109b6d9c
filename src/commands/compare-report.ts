import type { ComparedLevel, ComparedVariant } from '../bench/compare/compare.js';
import type { Interval } from '../bench/compare/interval.js';
import { fitting, totalBytes } from '../bench/compare/memory.js';
import { compareCharts } from '../bench/report/charts.js';
import type { ReportPage, Table } from '../bench/report/page.js';
import type { ProtocolName } from '../calibrate/protocols.js';
import { withError } from './eval-report.js';
import { formatBytes, formatTable } from './format.js';
import { loadCsv } from './load-table.js';
import type { Quality } from './schemes.js';

export interface CompareReport {
  readonly model: string;
  /** ISO 8601. */
  readonly date: string;
  readonly inputLen: number;
  readonly outputLen: number;
  readonly repeats: number;
  readonly seed: number;
  readonly text: {
    readonly file: string;
    readonly protocol: ProtocolName;
    readonly window: number;
    readonly numWindows: number;
  };
  readonly variants: readonly ComparedVariant[];
  /** Of each variant. */
  readonly qualities: readonly Quality[];
}

export function comparisonLines(report: CompareReport): string[] {
  return [
    ...notesOf(report),
    ...tablesOf(report).flatMap(({ title, heads, rows, note }) => [
      '',
      title,
      ...formatTable([heads, ...rows]),
      ...(note === undefined ? [] : [note]),
    ]),
  ];
}

export function comparisonReport(report: CompareReport): ReportPage {
  const named = report.variants.map((variant) => ({ ...variant, name: nameOf(variant) }));
  return {
    title: `${report.model}: is it faster quantized, and at what quality?`,
    notes: notesOf(report),
    tables: tablesOf(report),
    bars: [
      {
        title: 'Memory, side by side',
        rows: named.map(({ name, facts }) => ({
          name,
          parts: [
            { name: 'weights', amount: facts.weights },
            { name: 'KV cache', amount: facts.kvCache },
            { name: 'activations', amount: facts.activations },
          ],
          text: `${formatBytes(totalBytes(facts))}: weights ${formatBytes(facts.weights)}, KV cache ${formatBytes(facts.kvCache)}, activations ${formatBytes(facts.activations)}`,
        })),
      },
    ],
    charts: compareCharts(named),
  };
}

/** Without the times of single requests. */
export function comparisonJson(report: CompareReport): object {
  const variants = report.variants.map(({ levels, ...variant }, i) => ({
    ...variant,
    fitting: fittingOf(report, i),
    ...report.qualities[i],
    levels: levels.map(({ times: _, ...level }) => level),
  }));
  const { qualities: _, ...rest } = report;
  return { ...rest, variants };
}

export function comparisonCsv(report: CompareReport): string {
  return loadCsv(
    report.variants.flatMap((variant, i) => variant.levels.map((level) => csvRow(report, variant, level, i))),
  );
}

function csvRow(report: CompareReport, variant: ComparedVariant, level: ComparedLevel, at: number) {
  const { perplexity, divergence } = report.qualities[at];
  return {
    variant: variant.name,
    weight_format: variant.facts.weightFormat,
    concurrency: level.concurrency,
    output_throughput: level.throughput.mean,
    output_throughput_half_width: level.throughput.halfWidth,
    ratio: level.ratio?.mean ?? null,
    ratio_half_width: level.ratio?.halfWidth ?? null,
    median_ttft_ms: level.ttftMs.mean,
    median_itl_ms: level.itlMs.mean,
    median_e2el_ms: level.e2elMs.mean,
    request_goodput: level.goodput?.mean ?? null,
    failed: level.failed,
    weight_bytes: variant.facts.weights,
    kv_cache_bytes: variant.facts.kvCache,
    fitting: fittingOf(report, at),
    perplexity: perplexity?.perplexity ?? null,
    kl_mean_nats: divergence?.kl.mean ?? null,
  };
}

function notesOf({ variants, inputLen, outputLen, repeats, seed, text, date }: CompareReport): string[] {
  return [
    `${variants[0].facts.adapter}, ${date.slice(0, 10)}; prompts of ${inputLen} random tokens, answers of ${outputLen}, seed ${seed}; ${repeats} repeats in turn, ± is half of a 95% interval`,
    `quality: ${text.file}, protocol ${text.protocol}, ${text.numWindows} windows of ${text.window}; ± is one standard error; KL, and perplexity over full, are against the model as it is stored`,
  ];
}

/** A speed never stands without its quality: both are in each row. */
function tablesOf(report: CompareReport): readonly Table[] {
  return [speedTable(report), levelTable(report), memoryTable(report)];
}

function speedTable({ variants, qualities }: CompareReport): Table {
  const loads = variants[0].levels.map(({ concurrency }) => concurrency);
  const rows = variants.map((variant, i) => [
    nameOf(variant),
    ...variant.levels.map(({ ratio }) => (ratio === null ? '1' : intervalText(ratio, 2))),
    crossingText(variant),
    ...qualityCells(qualities[i]),
  ]);
  const heads = [
    'variant',
    ...loads.map((load) => `× at ${load}`),
    'crosses at',
    'perplexity',
    'over full',
    'KL, nats',
    'same token',
  ];
  const note = `× at N: tokens/s over those of ${nameOf(variants[0])}, with N requests at once; crosses at: where that passes 1, with a ? where intervals beside it hold 1.`;
  return { title: 'Speed and what it costs', heads, rows, note };
}

/** A column of the table of loads. */
interface LevelColumn {
  readonly head: string;
  readonly write: (level: ComparedLevel, quality: Quality) => string;
}

const LEVEL_COLUMNS: readonly LevelColumn[] = [
  { head: 'tokens/s', write: ({ throughput }) => intervalText(throughput, 1) },
  { head: 'TTFT ms', write: ({ ttftMs }) => intervalText(ttftMs, 1) },
  { head: 'ITL ms', write: ({ itlMs }) => intervalText(itlMs, 1) },
  { head: 'E2E ms', write: ({ e2elMs }) => intervalText(e2elMs, 0) },
  { head: 'goodput/s', write: ({ goodput }) => (goodput === null ? '' : intervalText(goodput, 2)) },
  { head: 'failed', write: ({ failed }) => String(failed) },
  { head: 'KL, nats', write: (_, quality) => klCell(quality) },
];

function levelTable({ variants, qualities }: CompareReport): Table {
  const columns = LEVEL_COLUMNS.filter(({ write }) => write(variants[0].levels[0], qualities[0]) !== '');
  const rows = variants.flatMap((variant, i) =>
    variant.levels.map((level) => [
      `${nameOf(variant)}, ${level.concurrency} at once`,
      ...columns.map(({ write }) => write(level, qualities[i])),
    ]),
  );
  const heads = ['', ...columns.map(({ head }) => head)];
  return { title: 'Each load', heads, rows, note: 'Times are medians.' };
}

function memoryTable(report: CompareReport): Table {
  const { variants, inputLen, outputLen } = report;
  const rows = variants.map((variant, i) => [
    nameOf(variant),
    formatBytes(variant.facts.weights),
    formatBytes(variant.facts.kvCache),
    formatBytes(totalBytes(variant.facts)),
    String(fittingOf(report, i)),
  ]);
  const heads = ['variant', 'weights', 'KV cache', 'with activations', 'requests that fit'];
  const note = `Requests of ${inputLen + outputLen} tokens that would fit into the memory that the largest variant takes.`;
  return { title: 'Memory on the device', heads, rows, note };
}

function qualityCells(quality: Quality): string[] {
  const { perplexity, divergence } = quality;
  return [
    perplexity === null ? '' : perplexity.perplexity.toFixed(4),
    divergence === null ? '1' : withError(divergence.perplexityRatio, 5),
    klCell(quality),
    divergence === null ? '100%' : `${(100 * divergence.topAgreement.mean).toFixed(2)}%`,
  ];
}

function klCell({ divergence }: Quality): string {
  if (divergence === null) return '0';
  const { mean, standardError } = divergence.kl;
  return `${mean.toExponential(1)} ± ${standardError.toExponential(1)}`;
}

function crossingText({ crossovers }: ComparedVariant): string {
  return crossovers.map(({ load, isClear }) => `${load.toFixed(1)}${isClear ? '' : '?'}`).join(', ') || '–';
}

function fittingOf({ variants, inputLen, outputLen }: CompareReport, at: number): number {
  const budget = Math.max(...variants.map(({ facts }) => totalBytes(facts)));
  return fitting(variants[at].facts, inputLen + outputLen, budget);
}

function nameOf({ name, facts }: Pick<ComparedVariant, 'name' | 'facts'>): string {
  return name === 'full' ? `full (${facts.weightFormat})` : name;
}

function intervalText({ mean, halfWidth }: Interval, digits: number): string {
  if (Number.isNaN(mean)) return '–';
  return halfWidth === null ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${halfWidth.toFixed(digits)}`;
}
