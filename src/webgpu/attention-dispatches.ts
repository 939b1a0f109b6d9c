import { batchLayout } from '../ops/batch-layout.js';
import type { Ops } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';
import { attentionTiling } from './tiling.js';
import type { Tuning } from './tuning.js';

type Args = Parameters<Ops<GPUBuffer>['attention']>[0];

/** One workgroup for each tile and group of heads: a dispatch of the batch's runs and one of its single tokens, where it has any. */
export function attentionDispatches(args: Args, tuning: Tuning): Dispatch[] {
  const { words, capacity } = args.batch;
  const { tileCounts } = batchLayout(capacity);
  const [numRuns, numSingles] = words.subarray(tileCounts, tileCounts + 2);
  return [
    { tokens: tuning.attentionTokens, firstTile: 0, numTiles: numRuns },
    { tokens: 1, firstTile: numRuns, numTiles: numSingles },
  ]
    .filter(({ numTiles }) => numTiles > 0)
    .map((tiles) => tilesDispatch(args, tiles, tuning));
}

interface Tiles {
  /** Tokens in each, at most. */
  readonly tokens: number;
  readonly firstTile: number;
  readonly numTiles: number;
}

function tilesDispatch(
  { batch, q, cache, out, numHeads, scale, window }: Args,
  { tokens, firstTile, numTiles }: Tiles,
  tuning: Tuning,
): Dispatch {
  const layout = batchLayout(batch.capacity);
  const { numKvHeads, headDim, blockSize, type: kv } = cache;
  const { heads, laneChunks, constants, lanes } = attentionTiling(
    numHeads / numKvHeads,
    headDim,
    tokens,
    tuning,
  );
  const params = new Params()
    .u32(numHeads, numKvHeads, blockSize, q.stride / 4, out.stride / 4, window ?? 0)
    .f32(scale)
    .u32(layout.positions, layout.sequenceIds, layout.blockTables)
    .u32(batch.capacity.maxBlocksPerSequence, layout.tiles + 2 * firstTile)
    .u32(headDim / 4, laneChunks, heads * tokens);
  return {
    spec: { kernel: 'attention', weight: null, types: { X: q.type }, constants, lanes, kv },
    buffers: [batch.data, q.data, cache.k, cache.v, out.data],
    weight: [],
    params: params.words,
    grid: [numHeads / heads, numTiles, 1],
  };
}
