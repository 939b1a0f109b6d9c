import type { Engine, EngineStats } from '../engine/types.js';
import { quantile } from './throughput.js';

export interface StepTimes {
  readonly numSteps: number;
  /** CPU time of a step to decide it, and to lay it out and send it; ms, medians. */
  readonly scheduleMs: number;
  readonly encodeMs: number;
  /** Time of a step on the device, ms, median; null where it does not tell. */
  readonly gpuMs: number | null;
}

/** Keeps the steps of an engine. */
export class StepLog {
  #steps: EngineStats[] = [];

  constructor(engine: Engine) {
    engine.onStep((stats) => this.#steps.push(stats));
  }

  /** Those since the last call. */
  take(): readonly EngineStats[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }
}

export function stepTimes(steps: readonly EngineStats[]): StepTimes {
  const gpuTimes = steps.flatMap(({ gpuMs }) => (gpuMs === null ? [] : [gpuMs]));
  return {
    numSteps: steps.length,
    scheduleMs: medianOf(steps, ({ scheduleMs }) => scheduleMs),
    encodeMs: medianOf(steps, ({ encodeMs }) => encodeMs),
    gpuMs: gpuTimes.length === 0 ? null : quantile(gpuTimes, 0.5),
  };
}

/** Median of a figure of steps or rounds; NaN of none. */
export function medianOf<T>(measured: readonly T[], figure: (one: T) => number): number {
  return quantile(measured.map(figure), 0.5);
}
