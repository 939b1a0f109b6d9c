import { batchLayout } from '../ops/batch-layout.js';
import type { OpArgs } from '../ops/ops.js';
import { partialSize, type SplitScratch } from './attention-splits.js';
import { Params } from './params.js';

type Args = OpArgs<GPUBuffer, 'attention'>;

/** What `attention` and `attention_single` bind, in their order. */
export function attentionBuffers(
  { batch, q, cache, out, sinks = null, projected = null }: Args,
  split: SplitScratch | null,
): GPUBuffer[] {
  return [
    ...[batch.data, q.data, cache.k, cache.v, split?.partials ?? out.data],
    // Where there are no sinks something must be bound in their place, which nothing writes.
    sinks?.data ?? projected?.rope.data ?? q.data,
    ...(projected === null ? [] : [projected.qkv.data, projected.rope.data]),
  ];
}

/** Their parameters, but for those of `attention` alone. @param firstTile of the batch's tiles */
export function attentionParams(
  { batch, q, cache, out, numHeads, scale, window, softCap = null, projected = null }: Args,
  firstTile: number,
  split: SplitScratch | null,
): Params {
  const { positions, sequenceIds, blockTables, tiles } = batchLayout(batch.capacity);
  const { numKvHeads, headDim, blockSize } = cache;
  const outStride = split === null ? out.stride : numHeads * partialSize(headDim);
  return new Params()
    .u32(numHeads, numKvHeads, blockSize, q.stride / 4, outStride / 4, window ?? 0)
    .f32(scale)
    .u32(positions, sequenceIds, blockTables, batch.capacity.maxBlocksPerSequence, tiles + 2 * firstTile)
    .u32(split?.positions ?? 0)
    .f32(softCap ?? 0)
    .u32(projected?.qkv.stride ?? 0, projected?.rope.stride ?? 0, projected?.rotaryDim ?? 0);
}
