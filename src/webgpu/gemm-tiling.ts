import type { ElementType } from '../ops/ops.js';
import type { MatrixSize, TileSize } from './shaders.js';
import type { Tiling } from './tiling.js';
import type { SubgroupMatrix, Tuning } from './tuning.js';

/** How `linear_gemm` is cut into workgroups. */
export interface GemmTiling extends Omit<Tiling, 'kernel'> {
  readonly kernel: 'linear_gemm';
  /** What a subgroup multiplies at once; absent where lanes sum in registers. */
  readonly matrix?: MatrixSize;
  readonly tile: TileSize;
  /** Loops that are written out: those over what lies in registers. */
  readonly unroll?: Readonly<Record<string, number>>;
}

/** `STEP_BLOCKS` of lib/gemm_matrix.wgsl, and outputs that there is a subgroup for. */
const STEP_BLOCKS = 2;
const SUBGROUP_OUTPUTS = 16;

/** Where lanes sum in registers, and where each token has experts, of which few have many. */
export const SMALL_TILE: TileSize = { tokens: 64, outputs: 64, lanes: 128 };

/**
 * The tiling of a product of many tokens; null where another kernel is the choice: for few tokens, and for INT8 activations.
 * @param type of the activations: subgroups multiply f16 alone
 * @param largest tokens of a tile, at most
 */
export function gemmTiling(
  tokens: number,
  type: ElementType,
  tuning: Tuning,
  largest = Number.POSITIVE_INFINITY,
): GemmTiling | null {
  const fewest = fewestGemmTokens(type, tuning);
  if (fewest === null || tokens < fewest) return null;
  const subgroupMatrix = type === 'f16' ? tuning.subgroupMatrix : null;
  const tile = subgroupMatrix ? matrixTile(Math.min(tokens, largest), subgroupMatrix, tuning) : SMALL_TILE;
  const grid = (outputs: number): [number, number, number] => [
    Math.ceil(outputs / tile.outputs),
    Math.ceil(tokens / tile.tokens),
    1,
  ];
  const inRegisters = { kernel: 'linear_gemm', constants: {}, lanes: 'workgroup', grid, tile } as const;
  if (subgroupMatrix === null) return inRegisters;
  const { m, n, k } = subgroupMatrix;
  return { ...inRegisters, matrix: { m, n, k }, unroll: matrixLoops(tile, subgroupMatrix) };
}

/** Tokens from which on products of that type go through `linear_gemm`; null where they never do. */
export function fewestGemmTokens(type: ElementType, tuning: Tuning): number | null {
  const { gemmTokens, matrixTokens, subgroupMatrix } = tuning;
  if (gemmTokens === null || type === 'u32') return null;
  return subgroupMatrix !== null && type === 'f16' ? matrixTokens : gemmTokens;
}

/** Numbers of tokens from which on products of that type go through `linear_gemm`, or through tiles of another size. */
export function gemmSteps(type: ElementType, tuning: Tuning): readonly number[] {
  const fewest = fewestGemmTokens(type, tuning);
  if (fewest === null) return [];
  const larger = tuning.matrixTiles.map(([tokens]) => tokens + 1).filter((tokens) => tokens > fewest);
  const tiles = [fewest, ...larger].map(
    (tokens) => [tokens, gemmTiling(tokens, type, tuning)?.tile.tokens] as const,
  );
  return tiles.filter(([, size], i) => size !== tiles[i - 1]?.[1]).map(([tokens]) => tokens);
}

/** What loops of lib/gemm_matrix.wgsl run over. */
function matrixLoops({ tokens, outputs, lanes }: TileSize, { m, n, k }: MatrixSize) {
  const subgroupRows = tokens > 32 ? 2 : 1;
  return {
    STEPS: (32 * STEP_BLOCKS) / k,
    ROWS: tokens / subgroupRows / m,
    COLUMNS: (SUBGROUP_OUTPUTS * subgroupRows) / n,
    X_TURNS: Math.ceil((4 * STEP_BLOCKS * tokens) / lanes),
    W_TURNS: Math.ceil((STEP_BLOCKS * outputs) / lanes),
  };
}

/** The first that holds all tokens, or the largest, of those that fit shared memory. */
function matrixTile(
  tokens: number,
  matrix: SubgroupMatrix,
  { matrixTiles, workgroupBytes }: Tuning,
): TileSize {
  const tiles = matrixTiles.map(([size, outputs]) => {
    return { tokens: size, outputs, lanes: (outputs / SUBGROUP_OUTPUTS) * matrix.maxLanes };
  });
  const fitting = tiles.filter((tile) => tileBytes(tile, matrix) <= workgroupBytes);
  return fitting.find((tile) => tokens <= tile.tokens) ?? fitting[fitting.length - 1] ?? tiles[0];
}

/** Of `linear_gemm`: rows of activations and weights in f16, padded by two vec4, and a matrix of sums for each subgroup. */
function tileBytes({ tokens, outputs }: TileSize, { m, n }: MatrixSize): number {
  const rowBytes = 2 * (32 * STEP_BLOCKS + 8);
  return (
    (tokens + outputs) * rowBytes + (outputs / SUBGROUP_OUTPUTS) * m * n * Float32Array.BYTES_PER_ELEMENT
  );
}

/** Blocks along K that are worth a workgroup's start and its share of the sum, at least. */
const MIN_SPLIT_BLOCKS = 8;

/** How workgroups share K where tiles are fewer than `tuning.gemmWorkgroups`; one split is all of it. */
export interface GemmSplits {
  readonly count: number;
  /** Along K, of each but the last, which may have fewer. */
  readonly blocks: number;
}

/** @param tiles workgroups without a split; @param blocks along K */
export function gemmSplits(tiles: number, blocks: number, { gemmWorkgroups }: Tuning): GemmSplits {
  const wanted = Math.min(Math.floor(gemmWorkgroups / tiles), Math.floor(blocks / MIN_SPLIT_BLOCKS));
  const each = STEP_BLOCKS * Math.ceil(blocks / (STEP_BLOCKS * Math.max(1, wanted)));
  return { count: Math.ceil(blocks / each), blocks: each };
}

/** Sums of a workgroup that shares K, at most. */
const MAX_TILE = 128 * 128;

/** Bytes of scratch for the sums of all splits. */
export function splitSumsBytes({ gemmTokens, gemmWorkgroups }: Tuning): number {
  return gemmTokens === null ? 0 : gemmWorkgroups * MAX_TILE * Float32Array.BYTES_PER_ELEMENT;
}
