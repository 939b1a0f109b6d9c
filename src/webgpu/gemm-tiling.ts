import type { ElementType } from '../ops/ops.js';
import type { MatrixSize } from './shaders.js';
import { foldGrid, type Tiling } from './tiling.js';
import type { Tuning } from './tuning.js';

/** How `linear_gemm` is cut into workgroups. */
export interface GemmTiling extends Omit<Tiling, 'kernel'> {
  readonly kernel: 'linear_gemm';
  /** What a subgroup multiplies at once; absent where lanes sum in registers. */
  readonly matrix?: MatrixSize;
}

/** Tokens and outputs of a workgroup. */
export const GEMM_TILE = 64;
/** Subgroups that a workgroup needs where they multiply matrices. */
const SUBGROUPS = 4;

/**
 * The tiling of a product of many tokens; null where another kernel is the choice: for few tokens, and for INT8 activations.
 * @param type of the activations: subgroups multiply f16 alone
 */
export function gemmTiling(tokens: number, type: ElementType, tuning: Tuning): GemmTiling | null {
  const { gemmTokens, subgroupMatrix } = tuning;
  if (gemmTokens === null || tokens < gemmTokens || type === 'u32') return null;
  const grid = (outputs: number) => foldGrid(Math.ceil(outputs / GEMM_TILE), Math.ceil(tokens / GEMM_TILE));
  const inRegisters = { kernel: 'linear_gemm', constants: {}, lanes: 'workgroup', grid } as const;
  if (subgroupMatrix === null || type !== 'f16') return inRegisters;
  const { m, n, k, maxLanes } = subgroupMatrix;
  return { ...inRegisters, constants: { LANES: SUBGROUPS * maxLanes }, matrix: { m, n, k } };
}
