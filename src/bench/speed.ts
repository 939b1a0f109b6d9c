import { createLocalEngine } from '../engine/local.js';
import type { EngineOptions, LoadProgress } from '../engine/options.js';
import { createRunner } from '../engine/runner.js';
import type { EngineInfo } from '../engine/types.js';
import { measureOffline, type OfflineOptions } from './offline.js';
import { medianOf, StepLog } from './steps.js';

export interface Speed {
  /** Tokens per second of a lone request: medians over the repeats, each for itself. */
  readonly prefillThroughput: number;
  readonly decodeThroughput: number;
  readonly info: EngineInfo;
}

export interface SpeedOptions extends Omit<OfflineOptions, 'batchSize'> {
  readonly repeats: number;
}

/** A large model on software Vulkan takes minutes for a step. */
const STEP_TIMEOUT_MS = 3_600_000;

/** Loads a model into the engine that serves, and times one request at a time. Throws as `createRunner` does. */
export async function measureSpeed(
  options: EngineOptions,
  { inputLen, outputLen, repeats }: SpeedOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<Speed> {
  const sized = {
    ...options,
    maxModelLen: inputLen + outputLen,
    maxNumSeqs: 1,
    prefixCaching: false,
    stepTimeoutMs: STEP_TIMEOUT_MS,
  };
  const loaded = await createRunner(sized, onProgress);
  const engine = createLocalEngine(loaded, sized);
  try {
    const log = new StepLog(engine);
    const rounds = [];
    for (let i = 0; i < repeats; i++)
      rounds.push(
        await measureOffline(engine, log, { batchSize: 1, inputLen, outputLen }, null, loaded.vocabSize),
      );
    return {
      prefillThroughput: medianOf(rounds, (round) => round.prefillThroughput),
      decodeThroughput: medianOf(rounds, (round) => round.decodeThroughput),
      info: loaded.info,
    };
  } finally {
    await engine.close();
  }
}
