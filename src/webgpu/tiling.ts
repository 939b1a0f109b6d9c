import type { Dot, Lanes } from './shaders.js';
import type { Tuning } from './tuning.js';

/** How a matrix product is cut into workgroups. */
export interface Tiling {
  /** Its sibling for INT8 activations is cut alike. */
  readonly kernel: 'linear_row' | 'linear_tile';
  readonly constants: Readonly<Record<string, number>>;
  readonly lanes: Lanes;
  /** Workgroups for so many outputs. */
  readonly grid: (outputs: number) => [number, number, number];
}

/** A kernel and its sizes: what autotuning chooses (`candidates.ts`). */
export interface LinearChoice {
  readonly kernel: Tiling['kernel'];
  readonly lanes: number;
  /** Tokens in a tile; 1 for `linear_row`. */
  readonly tokens: number;
}

/** How a product of so many tokens is cut: by the adapter's default, or as was chosen. */
export function tilingFor(
  tokens: number,
  tuning: Tuning,
  choice: LinearChoice = defaultChoice(tokens, tuning),
): Tiling {
  return choice.kernel === 'linear_row'
    ? rowTiling(tokens, choice, tuning)
    : tileTiling(tokens, choice, tuning);
}

export function defaultChoice(tokens: number, tuning: Tuning): LinearChoice {
  const { maxRowTokens, rowLanes, tileLanes, tileTokens } = tuning;
  if (tokens <= maxRowTokens) return { kernel: 'linear_row', lanes: rowLanes, tokens: 1 };
  return { kernel: 'linear_tile', lanes: tileLanes, tokens: smallestTile(tokens, tileTokens) };
}

function rowTiling(tokens: number, { lanes }: LinearChoice, { subgroupSize }: Tuning): Tiling {
  return {
    kernel: 'linear_row',
    constants: { LANES: lanes },
    lanes: lanes === subgroupSize ? 'subgroup' : 'workgroup',
    grid: (outputs) => foldGrid(Math.ceil(outputs / 4), tokens),
  };
}

/** Activations that the lanes of a subgroup hand round, one from each of so many. */
const SHARED_ACTIVATIONS = 8;

/** Whether a workgroup of so many lanes is a subgroup that hands activations round. */
export function sharesLanes(lanes: number, { subgroupSize, sharesActivations }: Tuning): boolean {
  return sharesActivations && lanes === subgroupSize && lanes >= SHARED_ACTIVATIONS;
}

function tileTiling(tokens: number, choice: LinearChoice, tuning: Tuning): Tiling {
  const { lanes, tokens: tile } = choice;
  return {
    kernel: 'linear_tile',
    constants: { LANES: lanes, TOKENS: tile },
    lanes: sharesLanes(lanes, tuning) ? 'subgroup' : 'workgroup',
    grid: (outputs) => foldGrid(Math.ceil(outputs / (4 * lanes)), Math.ceil(tokens / tile)),
  };
}

/** The first size that holds all tokens, or the largest. */
function smallestTile(tokens: number, sizes: readonly number[]): number {
  return sizes.find((size) => tokens <= size) ?? Math.max(...sizes);
}

/** How weights of so many bits are multiplied with INT8 activations. */
export function dotFor(bits: number, { packedDot, pairedDot }: Tuning): Dot {
  if (pairedDot && bits === 4) return 'pairs';
  return packedDot ? 'packed' : 'extracted';
}

/** Workgroups in x beyond the limit of one dimension go to z. */
export function foldGrid(x: number, y: number): [number, number, number] {
  const maxPerDimension = 65535;
  const z = Math.ceil(x / maxPerDimension);
  return [Math.ceil(x / z), y, z];
}

/** How a workgroup of `attention` computes a tile of so many tokens. */
export interface AttentionTiling {
  /** Query heads of the tile: a divisor of those that share a KV head. */
  readonly heads: number;
  /** Vectors of four dimensions of a head that a lane sums. */
  readonly laneChunks: number;
  readonly constants: Readonly<Record<string, number>>;
  readonly lanes: Lanes;
}

/** Vectors of four dimensions that a lane sums, at most: beyond it they leave the registers. */
const MAX_SUMS = 32;
/** Pairs of a lane and a query, at most: each takes 20 bytes of workgroup memory, of which every adapter has 16 KiB. */
const MAX_LANE_QUERIES = 512;
const MAX_HEADS = 4;

/** @param sharingHeads query heads that share a KV head */
export function attentionTiling(
  sharingHeads: number,
  headDim: number,
  tokens: number,
  { attentionLanes, attentionQueries, subgroupSize, sharesQueries }: Tuning,
): AttentionTiling {
  const laneChunks = Math.ceil(headDim / (4 * attentionLanes));
  const maxQueries = Math.floor(
    Math.min(attentionQueries, MAX_SUMS / laneChunks, MAX_LANE_QUERIES / attentionLanes),
  );
  const heads = groupSize(sharingHeads, Math.min(MAX_HEADS, Math.floor(maxQueries / tokens)));
  const constants = { LANES: attentionLanes, HEAD_DIM: headDim, GROUP: heads, TOKENS: tokens };
  if (attentionLanes !== subgroupSize || subgroupSize < SHARED_ACTIVATIONS) {
    return { heads, laneChunks, constants, lanes: 'workgroup' };
  }
  return {
    heads,
    laneChunks,
    constants: { ...constants, SHARES: sharesQueries ? 1 : 0 },
    lanes: 'subgroup',
  };
}

/** The largest divisor of `numHeads` up to `most`; 1 at least. */
function groupSize(numHeads: number, most: number): number {
  const sizes = Array.from({ length: Math.max(0, most - 1) }, (_, i) => most - i);
  return sizes.find((size) => numHeads % size === 0) ?? 1;
}
