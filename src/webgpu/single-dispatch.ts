import { batchLayout } from '../ops/batch-layout.js';
import type { OpArgs } from '../ops/ops.js';
import { partialSize, type SplitScratch } from './attention-splits.js';
import { Params } from './params.js';
import type { PipelineSpec } from './pipelines.js';
import type { Dispatch } from './recorder.js';
import type { SingleTiling } from './single-tiling.js';

type Args = OpArgs<GPUBuffer, 'attention'>;

/** Tiles of one token each. */
interface SingleTiles {
  readonly firstTile: number;
  readonly numTiles: number;
}

/** One workgroup for each token, part of the query heads of a KV head, and split. */
export function singleDispatch(
  args: Args,
  tiles: SingleTiles,
  tiling: SingleTiling,
  split: SplitScratch | null,
): Dispatch {
  const { batch, q, cache, out, sinks = null, projected = null } = args;
  return {
    spec: specOf(args, tiling, split),
    buffers: [
      ...[batch.data, q.data, cache.k, cache.v, split?.partials ?? out.data],
      // Where there are no sinks something must be bound in their place, which nothing writes.
      sinks?.data ?? projected?.rope.data ?? q.data,
      ...(projected === null ? [] : [projected.qkv.data, projected.rope.data]),
    ],
    weight: [],
    params: paramsOf(args, tiles, split),
    grid: [cache.numKvHeads * tiling.parts, tiles.numTiles, split?.count ?? 1],
  };
}

function specOf(
  { q, cache, out, softCap = null, sinks = null, projected = null }: Args,
  { constants, unroll }: SingleTiling,
  split: SplitScratch | null,
): PipelineSpec {
  return {
    kernel: 'attention_single',
    weight: null,
    types: { X: q.type, Y: split === null ? out.type : 'f32' },
    constants: {
      ...constants,
      BLOCK_SIZE: cache.blockSize,
      SPLIT: split === null ? 0 : 1,
      SOFT_CAP: softCap === null ? 0 : 1,
      SINKS: sinks === null ? 0 : 1,
    },
    unroll,
    lanes: 'subgroup',
    heads: projected === null ? undefined : 'projected',
    kv: cache.type,
  };
}

function paramsOf(
  { batch, q, cache, out, numHeads, scale, window, softCap = null, projected = null }: Args,
  { firstTile }: SingleTiles,
  split: SplitScratch | null,
): Uint32Array {
  const { positions, sequenceIds, blockTables, tiles } = batchLayout(batch.capacity);
  const { numKvHeads, headDim, blockSize } = cache;
  const outStride = split === null ? out.stride : numHeads * partialSize(headDim);
  return new Params()
    .u32(numHeads, numKvHeads, blockSize, q.stride / 4, outStride / 4, window ?? 0)
    .f32(scale)
    .u32(positions, sequenceIds, blockTables, batch.capacity.maxBlocksPerSequence, tiles + 2 * firstTile)
    .u32(split?.positions ?? 0)
    .f32(softCap ?? 0)
    .u32(projected?.qkv.stride ?? 0, projected?.rope.stride ?? 0, projected?.rotaryDim ?? 0).words;
}
