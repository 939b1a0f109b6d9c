import type { ElementType, WeightPart } from '../ops/ops.js';
import { blocksPerRow } from '../quant/weight.js';
import { foldGrid, type Tiling } from './tiling.js';
import type { StagedTile, Tuning } from './tuning.js';

/** How `linear_staged` is cut into workgroups. */
export interface StagedTiling extends Omit<Tiling, 'kernel'> {
  readonly kernel: 'linear_staged';
  readonly unroll: { readonly TURNS: number };
}

/** Readers with a file in shaders/half. */
export const HALF_READERS: ReadonlySet<string> = new Set(['int4', 'int8']);

/** Whether codes of the part meet such activations two at a time, in f16. */
export function usesHalves(
  { format }: Pick<WeightPart<unknown>, 'format'>,
  type: ElementType,
  { halfDot }: Tuning,
): boolean {
  return halfDot && type === 'f16' && HALF_READERS.has(format.reader);
}

/** Readers of weights of 16 bits, which are multiplied in f32. */
const FLOAT_READERS: ReadonlySet<string> = new Set(['bf16', 'f16']);

/** Bytes of a chunk of 8 activations in f16, chunks of a block, and blocks that pad a row of chunks in shared memory. */
const [CHUNK_BYTES, BLOCK_CHUNKS, PADDING] = [16, 4, 2];
/** Of a subgroup's sums of a pair and its squares, f32. */
const SUM_BYTES = 12;

type Part = Pick<WeightPart<unknown>, 'format' | 'cols'>;

/**
 * The tiling of a product of few tokens whose activations go through shared memory; null where another kernel is the choice: for many tokens,
 * for formats that it does not read, where subgroups vary in size, and for rows that shared memory cannot hold.
 * @param type of the activations
 */
export function stagedTiling(
  tokens: number,
  part: Part,
  type: ElementType,
  tuning: Tuning,
): StagedTiling | null {
  const { stagedTiles, maxRowTokens } = tuning;
  return tokens > maxRowTokens ? null : tilingOf(stagedTiles, tokens, part, type, tuning);
}

/** The same where activations are normalised on the way. */
export function stagedNormTiling(
  tokens: number,
  part: Part,
  type: ElementType,
  tuning: Tuning,
): StagedTiling | null {
  const { stagedNorms, maxStagedNormTokens } = tuning;
  return tokens > maxStagedNormTokens ? null : tilingOf(stagedNorms, tokens, part, type, tuning);
}

function tilingOf(
  tiles: readonly StagedTile[],
  tokens: number,
  part: Part,
  type: ElementType,
  tuning: Tuning,
): StagedTiling | null {
  const { format, cols } = part;
  const tile = tiles.find(({ rowBytes }) => (cols * format.bits) / 8 <= rowBytes);
  const isRead = usesHalves(part, type, tuning) || (type === 'f16' && FLOAT_READERS.has(format.reader));
  return tile === undefined || !isRead ? null : wholeSubgroups(tile, tokens, blocksPerRow(cols), tuning);
}

function wholeSubgroups(
  { pairs, lanes }: StagedTile,
  tokens: number,
  blocks: number,
  tuning: Tuning,
): StagedTiling | null {
  const { subgroupSize } = tuning;
  if (subgroupSize === null || lanes % subgroupSize !== 0) return null;
  if (!fits(pairs * lanes, (pairs * lanes) / subgroupSize, blocks, tuning)) return null;
  return {
    kernel: 'linear_staged',
    constants: { SUBGROUP: subgroupSize, PAIR_LANES: lanes, PAIRS: pairs, BLOCKS: blocks },
    lanes: 'subgroup',
    unroll: { TURNS: Math.ceil((BLOCK_CHUNKS * blocks) / (pairs * lanes)) },
    grid: (outputs) => foldGrid(Math.ceil(outputs / (2 * pairs)), tokens),
  };
}

function fits(
  lanes: number,
  subgroups: number,
  blocks: number,
  { workgroupLanes, workgroupBytes }: Tuning,
): boolean {
  const bytes = CHUNK_BYTES * BLOCK_CHUNKS * (blocks + PADDING) + SUM_BYTES * subgroups;
  return lanes <= workgroupLanes && bytes <= workgroupBytes;
}
