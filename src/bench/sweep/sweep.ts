import type { Measurement } from '../serve/measure.js';
import { isOverloaded, isSaturated, type LoadLevel } from './knee.js';

/** One level of a sweep: as many requests at once, or as many a second. */
export interface SweptLevel extends LoadLevel {
  readonly measurement: Measurement;
}

export interface Sweep {
  readonly kind: 'concurrency' | 'rate';
  readonly levels: readonly SweptLevel[];
  /** Why it ended before the last load; null where it did not. */
  readonly stopped: string | null;
}

/** Requests of a level of so many at once: enough rounds of them for a mean, and not fewer than 8. */
export function countFor(concurrency: number, numRounds: number): number {
  return Math.max(8, numRounds * concurrency);
}

/**
 * Measures one load after another until more gain nothing, fail, or arrive faster than they are answered.
 * @param loads ascending
 */
export async function runSweep(
  kind: Sweep['kind'],
  loads: readonly number[],
  measure: (load: number) => Promise<{ readonly measurement: Measurement; readonly count: number }>,
): Promise<Sweep> {
  const levels: SweptLevel[] = [];
  for (const load of loads) {
    const { measurement, count } = await measure(load);
    const { summary } = measurement;
    const level = {
      load,
      measurement,
      throughput: summary.output_throughput,
      latencyMs: summary.mean_e2el_ms ?? Number.POSITIVE_INFINITY,
    };
    levels.push(level);
    const stopped = reasonToStop(kind, levels, count);
    if (stopped !== null) return { kind, levels, stopped };
  }
  return { kind, levels, stopped: null };
}

function reasonToStop(kind: Sweep['kind'], levels: readonly SweptLevel[], count: number): string | null {
  const last = levels[levels.length - 1];
  const { failed, duration } = last.measurement.summary;
  if (failed > 0) return `${failed} of ${count} requests failed`;
  if (kind === 'concurrency') return isSaturated(levels) ? 'more requests at once gained less than 5%' : null;
  const unloadedMs = Math.min(...levels.map(({ latencyMs }) => latencyMs));
  const offered = { rate: last.load, count, durationS: duration };
  return isOverloaded(offered, unloadedMs) ? 'requests arrived faster than they were answered' : null;
}

/** 1, 2, 4 … up to `most`, and `most` itself. */
export function doublings(most: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, i) => 2 ** i);
  return powers.at(-1) === most ? powers : [...powers, most];
}
