import { quantileOf } from '../../calibrate/statistics.js';
import type { ComparedVariant } from '../compare/compare.js';
import type { Interval } from '../compare/interval.js';
import type { ServerSample } from '../serve/server-metrics.js';
import { type RequestTimes, valuesOf } from '../serve/summary.js';
import type { Sweep } from '../sweep/sweep.js';
import type { Chart, Series } from './page.js';

/** Steps of a distribution that is drawn. */
const NUM_STEPS = 100;

interface NamedTimes {
  readonly name: string;
  readonly times: readonly RequestTimes[];
}

/** Share of the requests, or of the gaps between tokens, that took no longer. */
export function distribution(metric: 'ttft' | 'itl', title: string, groups: readonly NamedTimes[]): Chart {
  return {
    title,
    x: { label: `${metric.toUpperCase()}, ms` },
    y: { label: 'share' },
    series: groups.map(({ name, times }) => ({ name, points: steps(valuesOf(times, metric)) })),
    marks: [],
  };
}

function steps(sorted: readonly number[]): (readonly [number, number])[] {
  if (sorted.length === 0) return [];
  const count = Math.min(NUM_STEPS, sorted.length);
  return Array.from({ length: count + 1 }, (_, i) => [quantileOf(sorted, i / count), i / count] as const);
}

/** What the server did meanwhile. */
export function serverTrace(samples: readonly ServerSample[]): Chart {
  const series = (name: string, of: (sample: ServerSample) => number | null, right = false): Series => ({
    name,
    right,
    points: samples.flatMap((sample) => {
      const value = of(sample);
      return value === null ? [] : [[sample.atMs / 1000, value] as const];
    }),
  });
  return {
    title: 'The server meanwhile',
    x: { label: 'seconds' },
    y: { label: 'requests' },
    right: { label: 'share of the KV cache' },
    series: [
      series('running', ({ running }) => running),
      series('waiting', ({ waiting }) => waiting),
      series('KV cache', ({ kvUsage }) => kvUsage, true),
    ],
    marks: [],
  };
}

/** Throughput against latency, latency and goodput against load, and distributions of the levels. @param kneeLoad where the knee is */
export function sweepCharts({ kind, levels }: Sweep, kneeLoad: number | null): readonly Chart[] {
  const x = { label: kind === 'rate' ? 'requests a second' : 'requests at once', logarithmic: true };
  const marks = kneeLoad === null ? [] : [{ x: kneeLoad, label: 'knee' }];
  const against = (name: string, of: (level: Sweep['levels'][number]) => number | null): Series => ({
    name,
    dots: true,
    points: levels.flatMap((level) => {
      const value = of(level);
      return value === null ? [] : [[level.load, value] as const];
    }),
  });
  const figure =
    (name: 'median_ttft_ms' | 'p99_ttft_ms' | 'median_itl_ms' | 'p99_itl_ms' | 'request_goodput') =>
    (level: Sweep['levels'][number]) =>
      level.measurement.summary[name];
  const chart = (title: string, label: string, ...series: Series[]): Chart => ({
    title,
    x,
    y: { label },
    series,
    marks,
  });
  const goodput = against('goodput', figure('request_goodput'));
  const groups = levels.map(({ load, measurement }) => ({ name: String(load), times: measurement.times }));
  return [
    throughputLatency([
      { name: 'levels', points: levels.map(({ latencyMs, throughput }) => [latencyMs, throughput] as const) },
    ]),
    chart(
      'Throughput against load',
      'tokens/s',
      against('tokens/s', ({ throughput }) => throughput),
    ),
    chart(
      'TTFT against load',
      'ms',
      against('median', figure('median_ttft_ms')),
      against('p99', figure('p99_ttft_ms')),
    ),
    chart(
      'ITL against load',
      'ms',
      against('median', figure('median_itl_ms')),
      against('p99', figure('p99_itl_ms')),
    ),
    ...(goodput.points.length === 0 ? [] : [chart('Goodput against load', 'good requests/s', goodput)]),
    distribution('ttft', 'TTFT at each load', groups),
    distribution('itl', 'ITL at each load', groups),
  ];
}

/** The questions that a comparison answers, one chart each. */
export function compareCharts(variants: readonly ComparedVariant[]): readonly Chart[] {
  const x = { label: 'requests at once', logarithmic: true };
  const against = (
    title: string,
    label: string,
    of: (level: ComparedVariant['levels'][number]) => Interval | null,
  ): Chart => ({
    title,
    x,
    y: { label },
    series: variants.map((variant) => levelSeries(variant, of)),
    marks: [],
  });
  const [base, ...others] = variants;
  const most = base.levels.length - 1;
  const ratios = against(`Throughput over ${base.name}`, 'ratio', ({ ratio }) => ratio);
  const atMost = variants.map(({ name, levels }) => ({ name, times: levels[most].times }));
  const atOnce = `${base.levels[most].concurrency} at once`;
  return [
    throughputLatency(
      variants.map(({ name, levels }) => ({
        name,
        points: levels.map(({ e2elMs, throughput }) => [e2elMs.mean, throughput.mean] as const),
      })),
    ),
    {
      ...ratios,
      // The first variant has no ratio, but its colour.
      level: 1,
      marks: others.flatMap(({ name, crossovers }) =>
        crossovers.map(({ load, isClear }) => ({ x: load, label: `${name} crosses${isClear ? '' : '?'}` })),
      ),
    },
    against('Throughput against load', 'tokens/s', ({ throughput }) => throughput),
    against('Median E2E latency against load', 'ms', ({ e2elMs }) => e2elMs),
    against('Median TTFT against load', 'ms', ({ ttftMs }) => ttftMs),
    against('Median ITL against load', 'ms', ({ itlMs }) => itlMs),
    ...(base.levels.some(({ goodput }) => goodput !== null)
      ? [against('Goodput against load', 'good requests/s', ({ goodput }) => goodput)]
      : []),
    distribution('ttft', `TTFT, ${atOnce}`, atMost),
    distribution('itl', `ITL, ${atOnce}`, atMost),
  ];
}

function throughputLatency(series: readonly Series[]): Chart {
  return {
    title: 'Throughput against latency',
    x: { label: 'E2E latency, ms' },
    y: { label: 'tokens/s' },
    series: series.map((one) => ({
      ...one,
      dots: true,
      points: one.points.toSorted(([a], [b]) => a - b),
    })),
    marks: [],
  };
}

function levelSeries(
  { name, levels }: ComparedVariant,
  of: (level: ComparedVariant['levels'][number]) => Interval | null,
): Series {
  const known = levels.flatMap((level) => {
    const value = of(level);
    return value === null || Number.isNaN(value.mean) ? [] : [{ level, value }];
  });
  return {
    name,
    dots: true,
    points: known.map(({ level, value }) => [level.concurrency, value.mean] as const),
    halfWidths: known.map(({ value }) => value.halfWidth),
  };
}
