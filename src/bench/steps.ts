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

/** Follows the steps of an engine. */
export class StepMeter {
  #steps: EngineStats[] = [];

  constructor(engine: Engine) {
    engine.onStep((stats) => this.#steps.push(stats));
  }

  /** Of the steps since the last call. */
  take(): StepTimes {
    const steps = this.#steps;
    this.#steps = [];
    const gpuTimes = steps.flatMap(({ gpuMs }) => (gpuMs === null ? [] : [gpuMs]));
    return {
      numSteps: steps.length,
      scheduleMs: quantile(
        steps.map(({ scheduleMs }) => scheduleMs),
        0.5,
      ),
      encodeMs: quantile(
        steps.map(({ encodeMs }) => encodeMs),
        0.5,
      ),
      gpuMs: gpuTimes.length === 0 ? null : quantile(gpuTimes, 0.5),
    };
  }
}
