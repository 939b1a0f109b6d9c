import type { ElementType } from '../ops/ops.js';
import type { MatrixSize, TileSize } from './shaders.js';
import type { Tiling } from './tiling.js';
import type { MatrixTile, SubgroupMatrix, Tuning } from './tuning.js';

/** How `linear_gemm` is cut into workgroups. */
export interface GemmTiling extends Omit<Tiling, 'kernel'> {
  readonly kernel: 'linear_gemm';
  /** What a subgroup multiplies at once; absent where lanes sum in registers. */
  readonly matrix?: MatrixSize;
  readonly tile: TileSize;
}

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
    Math.ceil(tokens / tile.tokens),
    Math.ceil(outputs / tile.outputs),
    1,
  ];
  const inRegisters = { kernel: 'linear_gemm', constants: {}, lanes: 'workgroup', grid, tile } as const;
  if (subgroupMatrix === null) return inRegisters;
  const { m, n, k } = subgroupMatrix;
  return { ...inRegisters, matrix: { m, n, k } };
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
  const larger = tuning.matrixTiles.map(({ tokens }) => tokens + 1).filter((tokens) => tokens > fewest);
  const tiles = [fewest, ...larger].map(
    (tokens) => [tokens, gemmTiling(tokens, type, tuning)?.tile.tokens] as const,
  );
  return tiles.filter(([, size], i) => size !== tiles[i - 1]?.[1]).map(([tokens]) => tokens);
}

/** Readers with a file in shaders/staged, and `RAW_UNITS` of each: units of 8 values that a lane loads at once. */
const STAGED_UNITS: Readonly<Record<string, number>> = { int4: 4, int8: 2, f16: 1, bf16: 1 };
/** `RAW_UNITS` of lib/staged_float.wgsl, and units of a block. */
const BLOCK_UNITS = 4;

/** Whether weights of a reader are decoded to f16 without f32 between, in a file of its own. */
export function decodesStaged(reader: string, { matrix }: GemmTiling): boolean {
  return matrix !== undefined && Object.hasOwn(STAGED_UNITS, reader);
}

/** What loops of lib/gemm_matrix.wgsl run over, which are written out: those over what lies in registers. Absent where lanes sum in registers. */
export function gemmLoops(
  reader: string,
  { matrix, tile }: GemmTiling,
): Readonly<Record<string, number>> | undefined {
  const { tokens, outputs, lanes, part } = tile;
  if (matrix === undefined || part === undefined) return undefined;
  const units = BLOCK_UNITS * part.stepBlocks;
  return {
    STEPS: (8 * units) / matrix.k,
    ROWS: part.tokens / matrix.m,
    COLUMNS: part.outputs / matrix.n,
    X_TURNS: Math.ceil((units * tokens) / lanes),
    W_TURNS: Math.ceil((units * outputs) / ((STAGED_UNITS[reader] ?? BLOCK_UNITS) * lanes)),
  };
}

/** The first that holds all tokens, or the largest, of those that fit a workgroup. */
function matrixTile(tokens: number, matrix: SubgroupMatrix, tuning: Tuning): TileSize {
  const fitting = tuning.matrixTiles.flatMap((tile) => fittingTile(tile, matrix, tuning) ?? []);
  const [smallest] = tuning.matrixTiles;
  return (
    fitting.find((tile) => tokens <= tile.tokens) ??
    fitting[fitting.length - 1] ??
    withLanes(smallest, matrix)
  );
}

function withLanes(tile: MatrixTile, { maxLanes }: SubgroupMatrix): TileSize & MatrixTile {
  return { ...tile, lanes: subgroups(tile) * maxLanes };
}

function subgroups({ tokens, outputs, part }: MatrixTile): number {
  return (tokens / part.tokens) * (outputs / part.outputs);
}

/** The tile with as many of its sets, then of the blocks of its steps, as fit shared memory; null where none do. */
function fittingTile(tile: MatrixTile, matrix: SubgroupMatrix, tuning: Tuning): TileSize | null {
  const { sets, stepBlocks } = tile.part;
  const whole = withLanes(tile, matrix);
  if (whole.lanes > tuning.workgroupLanes) return null;
  if (tileBytes(tile, matrix) <= tuning.workgroupBytes) return whole;
  if (sets > 1) return fittingTile({ ...tile, part: { ...tile.part, sets: 1 } }, matrix, tuning);
  if (stepBlocks === 1) return null;
  return fittingTile({ ...tile, part: { ...tile.part, stepBlocks: stepBlocks / 2 } }, matrix, tuning);
}

/** Of `tiles` in lib/gemm_matrix.wgsl: rows in units of 16 bytes, one more than are used, and in their place rows of sums. */
function tileBytes(tile: MatrixTile, { m }: MatrixSize): number {
  const { tokens, outputs, part } = tile;
  const tileUnits = part.sets * (tokens + outputs) * (BLOCK_UNITS * part.stepBlocks + 1);
  const resultUnits = subgroups(tile) * m * (part.outputs / 4 + 2);
  return 16 * Math.max(tileUnits, resultUnits);
}

/** Blocks along K that are worth a workgroup's start and its share of the sum, at least. */
const MIN_SPLIT_BLOCKS = 8;

/** How workgroups share K where tiles are fewer than `tuning.gemmWorkgroups`; one split is all of it. */
export interface GemmSplits {
  readonly count: number;
  /** Along K, of each but the last, which may have fewer. */
  readonly blocks: number;
}

/** @param tiles workgroups without a split; @param blocks along K, and those of a step */
export function gemmSplits(
  tiles: number,
  blocks: number,
  { gemmWorkgroups }: Tuning,
  stepBlocks = 2,
): GemmSplits {
  const wanted = Math.min(Math.floor(gemmWorkgroups / tiles), Math.floor(blocks / MIN_SPLIT_BLOCKS));
  const each = stepBlocks * Math.ceil(blocks / (stepBlocks * Math.max(1, wanted)));
  return { count: Math.ceil(blocks / each), blocks: each };
}

/** Bytes of scratch for the sums of all splits. */
export function splitSumsBytes({ gemmTokens, gemmWorkgroups, subgroupMatrix, matrixTiles }: Tuning): number {
  if (gemmTokens === null) return 0;
  const tiles = subgroupMatrix === null ? [SMALL_TILE] : [SMALL_TILE, ...matrixTiles];
  const largest = Math.max(...tiles.map(({ tokens, outputs }) => tokens * outputs));
  return gemmWorkgroups * largest * Float32Array.BYTES_PER_ELEMENT;
}
