import type { BatchBuffers, Ops, SamplingRow, Tensor } from '#halflight/ops/ops.js';
import { GREEDY } from './batches.js';
import { poisoned } from './compare.js';

/** Logits and how to sample from each row of them. */
export interface SampleInput {
  /** `[rows][vocabulary]` */
  readonly logits: readonly ArrayLike<number>[];
  readonly sampling: readonly SamplingRow[];
}

const ONE_ROW: SampleInput = { logits: [[0, 1]], sampling: [GREEDY] };

/** Enqueues the sampling of each row. The result has spare rows of poison. */
export function sampleCase<B>(ops: Ops<B>, { logits, sampling }: SampleInput = ONE_ROW): Tensor<B> {
  const vocabulary = logits[0].length;
  const input = ops.tensor(logits.length, vocabulary, 'f32', 'activations');
  ops.write(input, Float32Array.from(logits.flatMap((row) => Array.from(row))));
  const out = poisoned(ops, logits.length, 1, 'u32');
  ops.sample({ batch: sampleBatch(ops, sampling), logits: input, out, rows: logits.length });
  return out;
}

function sampleBatch<B>(ops: Ops<B>, sampling: readonly SamplingRow[]): BatchBuffers<B> {
  const rows = sampling.length;
  const batch = ops.batch({ maxTokens: 1, maxSequences: 1, maxBlocksPerSequence: 1, maxLogits: rows });
  ops.writeBatch(batch, {
    numTokens: 0,
    numSequences: 0,
    tokenIds: new Uint32Array(0),
    positions: new Uint32Array(0),
    slotMapping: new Uint32Array(0),
    sequenceIds: new Uint32Array(0),
    blockTables: new Uint32Array(0),
    logitsRows: new Uint32Array(rows),
    sampling,
  });
  return batch;
}
