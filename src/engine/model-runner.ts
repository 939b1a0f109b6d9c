import type { Batch, StepReading } from '../ops/ops.js';
import type { EngineOptions, LoadProgress } from './options.js';
import type { EngineInfo } from './types.js';

/** What a step tells the host. */
export interface StepResults extends StepReading {
  /** Of the batch's tokens after the last norm, `[numTokens][hiddenSize]`, where they were asked for. */
  readonly hidden?: Float32Array;
}

/** Runs the model on one batch after another. The engine may send a batch while the one before runs, but no more. */
export interface ModelRunner {
  /**
   * Sends the batch to the device before it returns. Resolves with a row of results for each row of logits (`result-layout.ts`).
   * Pending tokens of the batch are rows of the results of the batch that was sent before it. Rejects when the device is lost.
   * @param wanted.hidden whether hidden states are told too
   */
  run(batch: Batch, wanted?: { readonly hidden: boolean }): Promise<StepResults>;
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
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
}

export type CreateRunner = (
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
) => Promise<LoadedModel>;
