import type { Lanes } from './shaders.js';
import type { Tuning } from './tuning.js';

/** How a matrix product is cut into workgroups. */
export interface Tiling {
  readonly kernel: 'linear_row' | 'linear_tile';
  readonly constants: Readonly<Record<string, number>>;
  readonly lanes: Lanes;
  /** Workgroups for so many outputs. */
  readonly grid: (outputs: number) => [number, number, number];
}

/** The kernel for a product of so many tokens. */
export function tilingFor(tokens: number, tuning: Tuning): Tiling {
  const few = tokens <= tuning.maxRowTokens && !tuning.batchInvariant;
  return few ? rowTiling(tokens, tuning) : tileTiling(tokens, tuning);
}

function rowTiling(tokens: number, { rowLanes, subgroupSize }: Tuning): Tiling {
  return {
    kernel: 'linear_row',
    constants: { LANES: rowLanes },
    lanes: rowLanes === subgroupSize ? 'subgroup' : 'workgroup',
    grid: (outputs) => foldGrid(Math.ceil(outputs / 4), tokens),
  };
}

/** Tokens in every tile where results must not depend on the batch. */
const INVARIANT_TOKENS = 4;
/** Activations that the lanes of a subgroup hand round, one from each of so many. */
const SHARED_ACTIVATIONS = 8;

function tileTiling(tokens: number, tuning: Tuning): Tiling {
  const { tileLanes, batchInvariant, subgroupSize, sharesActivations } = tuning;
  const tileTokens = batchInvariant ? INVARIANT_TOKENS : smallestTile(tokens, tuning.tileTokens);
  const shares = sharesActivations && tileLanes === subgroupSize && tileLanes >= SHARED_ACTIVATIONS;
  return {
    kernel: 'linear_tile',
    constants: { LANES: tileLanes, TOKENS: tileTokens },
    lanes: shares ? 'subgroup' : 'workgroup',
    grid: (outputs) => foldGrid(Math.ceil(outputs / (4 * tileLanes)), Math.ceil(tokens / tileTokens)),
  };
}

/** The first size that holds all tokens, or the largest. */
function smallestTile(tokens: number, sizes: readonly number[]): number {
  return sizes.find((size) => tokens <= size) ?? Math.max(...sizes);
}

/** Workgroups in x beyond the limit of one dimension go to z. */
export function foldGrid(x: number, y: number): [number, number, number] {
  const maxPerDimension = 65535;
  const z = Math.ceil(x / maxPerDimension);
  return [Math.ceil(x / z), y, z];
}

/** Query heads that one workgroup of `attention` computes, of `numHeads` that share a KV head: a divisor of these, 4 at most. */
export function groupSize(numHeads: number): number {
  return [4, 3, 2].find((size) => numHeads % size === 0) ?? 1;
}
