import { batchLayout } from '../ops/batch-layout.js';
import type { OpArgs } from '../ops/ops.js';
import { attentionBuffers, attentionParams } from './attention-operands.js';
import {
  attentionSplits,
  partialSize,
  type SplitRule,
  type SplitScratch,
  splitContext,
  tileSplitRule,
} from './attention-splits.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';
import { singleDispatch } from './single-dispatch.js';
import { singleTiling } from './single-tiling.js';
import { attentionTiling } from './tiling.js';
import type { Tuning } from './tuning.js';

type Args = OpArgs<GPUBuffer, 'attention'>;

/**
 * Whether attention rotates the heads of q and k itself, and writes k and v to the cache. No token of the step may see another: each sequence has one,
 * as two would be a run.
 */
export function rotatesHeads({ batch, cache, projected }: Args, { attentionTokens }: Tuning): boolean {
  const isPlain = cache.type === 'f32' || cache.type === 'f16';
  if (!projected || projected.norm !== null || !isPlain) return false;
  const numRuns = batch.words[batchLayout(batch.capacity).tileCounts];
  return attentionTokens > 1 && numRuns === 0;
}

/**
 * One workgroup for each tile and group of heads: a dispatch of the batch's runs and one of its single tokens, where it has any.
 * Where single tokens are too few to occupy the adapter, their contexts are split, and one more dispatch merges the splits.
 * @param partials scratch of `partialsBytes`
 */
export function attentionDispatches(args: Args, tuning: Tuning, partials: GPUBuffer): Dispatch[] {
  const { words, capacity } = args.batch;
  const { tileCounts } = batchLayout(capacity);
  const [numRuns, numSingles, longestContext] = words.subarray(tileCounts, tileCounts + 3);
  const runs = { tokens: tuning.attentionTokens, firstTile: 0, numTiles: numRuns };
  const singles = { tokens: 1, firstTile: numRuns, numTiles: numSingles };
  return [
    ...(numRuns > 0 ? [tilesDispatch(args, runs, tuning, null)] : []),
    ...(numSingles > 0 ? singlesDispatches(args, { ...singles, longestContext }, tuning, partials) : []),
  ];
}

interface Tiles {
  /** Tokens in each, at most. */
  readonly tokens: number;
  readonly firstTile: number;
  readonly numTiles: number;
}

interface Singles extends Tiles {
  readonly longestContext: number;
}

function singlesDispatches(args: Args, singles: Singles, tuning: Tuning, partials: GPUBuffer): Dispatch[] {
  const { numHeads, window, cache } = args;
  const { dispatch, groups, rule } = singlesKernel(args, singles, tuning);
  const splitBytes =
    singles.numTiles * numHeads * partialSize(cache.headDim) * Float32Array.BYTES_PER_ELEMENT;
  const work = {
    workgroups: singles.numTiles * groups,
    contextLen: splitContext(singles.longestContext, tuning),
    window,
    room: Math.floor(partials.size / splitBytes),
  };
  const splits = attentionSplits(work, rule, tuning);
  if (splits === null) return [dispatch(null)];
  const split = { ...splits, partials };
  return [dispatch(split), mergeDispatch(args, singles, tuning, split)];
}

interface SinglesKernel {
  readonly dispatch: (split: SplitScratch | null) => Dispatch;
  /** Workgroups of a token that is not split. */
  readonly groups: number;
  readonly rule: SplitRule;
}

function singlesKernel(args: Args, singles: Singles, tuning: Tuning): SinglesKernel {
  const { numHeads, cache } = args;
  const { numKvHeads, headDim } = cache;
  const tiling = singleTiling(numHeads / numKvHeads, headDim, tuning);
  if (tiling !== null) {
    const dispatch = (split: SplitScratch | null) => singleDispatch(args, singles, tiling, split);
    return { dispatch, groups: numKvHeads * tiling.parts, rule: tiling.splits };
  }
  const { heads } = attentionTiling(numHeads / numKvHeads, headDim, 1, tuning);
  const dispatch = (split: SplitScratch | null) => tilesDispatch(args, singles, tuning, split);
  return { dispatch, groups: numHeads / heads, rule: tileSplitRule(tuning) };
}

function tilesDispatch(args: Args, tiles: Tiles, tuning: Tuning, split: SplitScratch | null): Dispatch {
  const { q, cache, out, numHeads, softCap = null, sinks = null, projected = null } = args;
  const { numKvHeads, headDim, type: kv } = cache;
  const tiling = attentionTiling(numHeads / numKvHeads, headDim, tiles.tokens, tuning);
  return {
    spec: {
      kernel: 'attention',
      weight: null,
      types: { X: q.type, Y: split === null ? out.type : 'f32' },
      constants: {
        ...tiling.constants,
        SPLIT: split === null ? 0 : 1,
        SOFT_CAP: softCap === null ? 0 : 1,
        SINKS: sinks === null ? 0 : 1,
      },
      lanes: tiling.lanes,
      heads: projected === null ? undefined : 'projected',
      kv,
    },
    buffers: attentionBuffers(args, split),
    weight: [],
    params: attentionParams(args, tiles.firstTile, split).u32(
      headDim / 4,
      tiling.laneChunks,
      tiling.heads * tiles.tokens,
    ).words,
    grid: [numHeads / tiling.heads, tiles.numTiles, split?.count ?? 1],
  };
}

function mergeDispatch(
  { batch, cache, out, numHeads }: Args,
  { firstTile, numTiles }: Tiles,
  { headLanes, mergeSplits }: Tuning,
  { count, partials }: SplitScratch,
): Dispatch {
  const { tiles } = batchLayout(batch.capacity);
  return {
    spec: {
      kernel: 'attention_merge',
      weight: null,
      types: { Y: out.type },
      constants: { LANES: headLanes },
      unroll: { BATCH: mergeSplits },
    },
    buffers: [batch.data, partials, out.data],
    weight: [],
    params: new Params().u32(cache.headDim / 4, out.stride / 4, tiles + 2 * firstTile, count).words,
    grid: [numHeads, numTiles, 1],
  };
}
