import { batchLayout } from '../ops/batch-layout.js';
import type { ReplayedStep, Tensor } from '../ops/ops.js';
import { splitContext } from './attention-splits.js';
import type { Recorder, Recording } from './recorder.js';
import type { Tuning } from './tuning.js';

/** Steps that are kept for each tensor of results, the newest. */
const MAX_RECORDINGS = 32;

/** Steps by what tells them apart: finding the dispatches of one takes longer than encoding them. */
export class Replays {
  readonly #recordings = new WeakMap<Tensor<GPUBuffer>, Map<string, Recording>>();

  /** Adds to the recorder what `work` adds, or added for a step like this. */
  run(step: ReplayedStep<GPUBuffer>, tuning: Tuning, recorder: Recorder, work: () => void): void {
    const recordings = this.#recordings.get(step.previous) ?? new Map<string, Recording>();
    this.#recordings.set(step.previous, recordings);
    const name = nameOf(step, tuning);
    const known = recordings.get(name);
    if (known !== undefined) {
      recorder.replay(known);
      return;
    }
    const made = recorder.record(work);
    if (made === null) return;
    const [oldest] = recordings.keys();
    if (recordings.size === MAX_RECORDINGS && oldest !== undefined) recordings.delete(oldest);
    recordings.set(name, made);
  }
}

function nameOf(
  { batch, numTokens, numLogits, hasAdapters = false }: ReplayedStep<GPUBuffer>,
  tuning: Tuning,
): string {
  const { tileCounts } = batchLayout(batch.capacity);
  const [numRuns, numSingles, longestContext] = batch.words.subarray(tileCounts, tileCounts + 3);
  return [numTokens, numLogits, hasAdapters, numRuns, numSingles, splitContext(longestContext, tuning)].join(
    ' ',
  );
}
