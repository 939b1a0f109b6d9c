import type { Measurement } from '../serve/measure.js';
import type { RequestTimes } from '../serve/summary.js';
import { type Crossover, crossovers, type Interval, interval, ratioInterval } from './interval.js';
import type { ServerFacts } from './memory.js';

/** One server's measurements, one for each number of requests at once. */
export interface Turn {
  readonly facts: ServerFacts;
  readonly measurements: readonly Measurement[];
}

/** Figures of one variant at one number of requests at once, over all repeats. */
export interface ComparedLevel {
  readonly concurrency: number;
  /** Tokens a second of all answers. */
  readonly throughput: Interval;
  /** Over that of the first variant in the same repeat; null of the first itself. */
  readonly ratio: Interval | null;
  /** Medians, each the mean over the repeats, ms. */
  readonly ttftMs: Interval;
  readonly itlMs: Interval;
  readonly e2elMs: Interval;
  /** Good requests a second; null where no limits were given. */
  readonly goodput: Interval | null;
  readonly failed: number;
  readonly times: readonly RequestTimes[];
}

export interface ComparedVariant {
  readonly name: string;
  readonly facts: ServerFacts;
  readonly levels: readonly ComparedLevel[];
  /** Requests at once where its throughput passes that of the first variant. */
  readonly crossovers: readonly Crossover[];
}

/**
 * Runs every variant in every repeat, each time in another order, so that a machine that slows down or warms up slows all of them alike.
 * @returns for each variant its turns, by repeat
 */
export async function takeTurns<V>(
  variants: readonly V[],
  repeats: number,
  run: (variant: V, repeat: number) => Promise<Turn>,
): Promise<readonly (readonly Turn[])[]> {
  const turns: Turn[][] = variants.map(() => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (let i = 0; i < variants.length; i++) {
      const at = (i + repeat) % variants.length;
      turns[at].push(await run(variants[at], repeat));
    }
  }
  return turns;
}

/** @param turns of each variant, by repeat, as `takeTurns` gives them */
export function compareTurns(
  names: readonly string[],
  concurrencies: readonly number[],
  turns: readonly (readonly Turn[])[],
): readonly ComparedVariant[] {
  return names.map((name, i) => {
    const levels = concurrencies.map((concurrency, at) =>
      levelOf(concurrency, measured(turns[i], at), i === 0 ? null : measured(turns[0], at)),
    );
    const points = levels.flatMap(({ concurrency, ratio }) =>
      ratio === null ? [] : [{ load: concurrency, ratio }],
    );
    return { name, facts: turns[i][0].facts, levels, crossovers: crossovers(points) };
  });
}

function measured(turns: readonly Turn[], at: number): readonly Measurement[] {
  return turns.map(({ measurements }) => measurements[at]);
}

function levelOf(
  concurrency: number,
  measurements: readonly Measurement[],
  base: readonly Measurement[] | null,
): ComparedLevel {
  const of = (figure: (summary: Measurement['summary']) => number | null) =>
    interval(measurements.map(({ summary }) => figure(summary) ?? Number.NaN));
  const rates = (some: readonly Measurement[]) => some.map(({ summary }) => summary.output_throughput);
  const hasGoodput = measurements.every(({ summary }) => summary.request_goodput !== null);
  return {
    concurrency,
    throughput: interval(rates(measurements)),
    ratio: base === null ? null : ratioInterval(rates(measurements), rates(base)),
    ttftMs: of(({ median_ttft_ms }) => median_ttft_ms),
    itlMs: of(({ median_itl_ms }) => median_itl_ms),
    e2elMs: of(({ median_e2el_ms }) => median_e2el_ms),
    goodput: hasGoodput ? of(({ request_goodput }) => request_goodput) : null,
    failed: measurements.reduce((sum, { summary }) => sum + summary.failed, 0),
    times: measurements.flatMap(({ times }) => times),
  };
}
