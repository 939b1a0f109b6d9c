import type { Batch } from '../ops/ops.js';
import type { EngineOptions, LoadProgress } from './options.js';
import type { EngineInfo } from './types.js';

/** Runs the model on one batch. The engine awaits each run before it asks for the next. */
export interface ModelRunner {
  /** The sampled token of each of the batch's logits rows, in order. Rejects when the device is lost. */
  run(batch: Batch): Promise<Uint32Array>;
  /** Dispatches of the last run; 0 where nothing is dispatched. */
  readonly dispatchesPerStep: number;
  /** Resolves with the reason when the device is lost, also between runs; never resolves on `destroy`. */
  readonly lost: Promise<Error>;
  destroy(): void;
}

/** A model that is ready to run, and what the engine must know of it. */
export interface LoadedModel {
  readonly runner: ModelRunner;
  readonly info: EngineInfo;
  readonly eosTokenIds: readonly number[];
}

export type CreateRunner = (
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
) => Promise<LoadedModel>;
