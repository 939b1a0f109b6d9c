import type { OpArgs } from '../ops/ops.js';
import { attentionBuffers, attentionParams } from './attention-operands.js';
import type { SplitScratch } from './attention-splits.js';
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
  return {
    spec: specOf(args, tiling, split),
    buffers: attentionBuffers(args, split),
    weight: [],
    params: attentionParams(args, tiles.firstTile, split).words,
    grid: [args.cache.numKvHeads * tiling.parts, tiles.numTiles, split?.count ?? 1],
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
