import type { LaneSum } from './shaders.js';
import type { Tuning } from './tuning.js';

/** How a matrix product is cut into workgroups. */
export interface Tiling {
  readonly kernel: 'linear_row' | 'linear_tile';
  readonly constants: Readonly<Record<string, number>>;
  readonly lanes: LaneSum;
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

function tileTiling(tokens: number, { tileLanes, batchInvariant }: Tuning): Tiling {
  const tileTokens = tokens === 1 && !batchInvariant ? 1 : 4;
  return {
    kernel: 'linear_tile',
    constants: { LANES: tileLanes, TOKENS: tileTokens },
    lanes: 'workgroup',
    grid: (outputs) => foldGrid(Math.ceil(outputs / (4 * tileLanes)), Math.ceil(tokens / tileTokens)),
  };
}

/** Workgroups in x beyond the limit of one dimension go to z. */
export function foldGrid(x: number, y: number): [number, number, number] {
  const maxPerDimension = 65535;
  const z = Math.ceil(x / maxPerDimension);
  return [Math.ceil(x / z), y, z];
}
