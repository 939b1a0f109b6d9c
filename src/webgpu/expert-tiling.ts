import type { ElementType, RoutingShape } from '../ops/ops.js';
import { type GemmTiling, gemmTiling, SMALL_TILE } from './gemm-tiling.js';
import { defaultChoice, foldGrid, type Tiling, tilingFor } from './tiling.js';
import type { Tuning } from './tuning.js';

/** How the products of tokens with their experts are cut. Routes lie in tiles of one expert each (`route`). */
export interface ExpertTiling {
  readonly tiling: Tiling | GemmTiling;
  /** Routes in a tile, at most. */
  readonly tileRoutes: number;
  /** Tiles, at most: as many as routes can be spread over. Those that turn out empty compute nothing. */
  readonly numTiles: number;
}

/**
 * As a product of so many tokens as an expert has on average.
 * @param type of the activations, u32 where they are codes
 */
export function expertTiling(
  tokens: number,
  { numExperts, topK }: RoutingShape,
  type: ElementType,
  tuning: Tuning,
): ExpertTiling {
  const routes = tokens * topK;
  const each = Math.ceil(routes / numExperts);
  const gemm = gemmTiling(each, type, tuning, SMALL_TILE.tokens);
  const choice = defaultChoice(each, tuning);
  const tileRoutes = gemm === null ? choice.tokens : gemm.tile.tokens;
  const numTiles = tileRoutes === 1 ? routes : Math.min(routes, Math.floor(routes / tileRoutes) + numExperts);
  const tiling = gemm ?? tilingFor(each, tuning, choice);
  return { tiling, tileRoutes, numTiles };
}

/** Workgroups of a product of so many outputs of each expert. */
export function expertGrid({ tiling, numTiles }: ExpertTiling, outputs: number): [number, number, number] {
  const [x, y, z] = tiling.grid(outputs);
  return tiling.kernel === 'linear_gemm' ? [numTiles, y, 1] : foldGrid(x * z, numTiles);
}

/**
 * Numbers of tokens, up to the shape's, from which on products take another kernel or tiles of another size.
 * @param type of the activations, u32 where they are codes
 */
export function expertSteps(shape: RoutingShape, type: ElementType, tuning: Tuning): readonly number[] {
  const kernels = new Map<string, number>();
  for (let tokens = 1; tokens <= shape.maxTokens; tokens++) {
    const { tiling, tileRoutes } = expertTiling(tokens, shape, type, tuning);
    const key = `${tiling.kernel} ${tileRoutes}`;
    if (!kernels.has(key)) kernels.set(key, tokens);
  }
  return [...kernels.values()];
}
