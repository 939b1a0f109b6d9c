import { performance } from 'node:perf_hooks';
import { quantileOf } from '../../calibrate/statistics.js';
import type { ClientHealth } from './types.js';

const EVERY_MS = 10;

/** Measures how late timers of this process come, and how busy its event loop is. Node's timers are good to 1 ms. */
export class LagMeter {
  readonly #start = performance.eventLoopUtilization();
  readonly #lags: number[] = [];
  readonly #timer: NodeJS.Timeout;
  #dueMs = performance.now() + EVERY_MS;

  constructor() {
    this.#timer = setInterval(() => this.#take(), EVERY_MS);
    this.#timer.unref();
  }

  stop(): ClientHealth {
    clearInterval(this.#timer);
    const sorted = this.#lags.toSorted((a, b) => a - b);
    const { utilization } = performance.eventLoopUtilization(this.#start);
    if (sorted.length === 0) return { utilization, meanLagMs: 0, p99LagMs: 0, maxLagMs: 0 };
    return {
      utilization,
      meanLagMs: sorted.reduce((sum, lag) => sum + lag, 0) / sorted.length,
      p99LagMs: quantileOf(sorted, 0.99),
      maxLagMs: quantileOf(sorted, 1),
    };
  }

  #take(): void {
    const nowMs = performance.now();
    this.#lags.push(Math.max(0, nowMs - this.#dueMs));
    this.#dueMs = nowMs + EVERY_MS;
  }
}

/** A loop that is busier than this sends and reads late. */
const MAX_UTILIZATION = 0.8;
/** Share of what is measured that lateness may be, where it is more than timers and schedulers of busy machines are good to. */
const MAX_LAG_SHARE = 0.1;
const MIN_LAG_MS = 5;
/** A shorter run has too few timers to tell: one hiccup would be all of its mean. */
const MIN_DURATION_MS = 1000;

/** A run, and the mean of the shortest time that is told of it. */
export interface Measured {
  readonly durationMs: number;
  readonly measuredMs: number;
}

/** Why the figures would be those of the sender and not of the server; null where they are not. */
export function bottleneck(
  { utilization, meanLagMs }: ClientHealth,
  { durationMs, measuredMs }: Measured,
): string | null {
  if (durationMs < MIN_DURATION_MS) return null;
  if (utilization > MAX_UTILIZATION)
    return `its event loop was busy ${(100 * utilization).toFixed(0)}% of the time`;
  if (meanLagMs > Math.max(MIN_LAG_MS, MAX_LAG_SHARE * measuredMs))
    return `its event loop was ${meanLagMs.toFixed(1)} ms late on average, of ${measuredMs.toFixed(1)} ms that it measured`;
  return null;
}
