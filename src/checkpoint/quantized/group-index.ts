import { BLOCK_CODES } from '../../quant/weight.js';
import type { TensorInfo } from '../checkpoint.js';
import { type ModuleTensors, tensorError } from './tensors.js';

/**
 * The group of each column, `[K]` i32; null where groups of `groupSize` columns follow one another.
 * Rejects with CheckpointError for a group that does not exist.
 */
export async function readGroupIndex(
  tensors: ModuleTensors,
  info: TensorInfo,
  groupSize: number | null,
  numGroups: number,
): Promise<Uint32Array | null> {
  const index = await tensors.words(info);
  const beyond = index.findIndex((group) => group >= numGroups);
  if (beyond !== -1) throw tensorError(info, `column ${beyond} is in group ${index[beyond]} of ${numGroups}`);
  const size = groupSize ?? index.length;
  return index.every((group, k) => group === Math.floor(k / size)) ? null : index;
}

/** How columns are brought together whose groups do not follow one another. */
export interface ColumnGroups {
  /** The group of each column. */
  readonly index: Uint32Array;
  /** The columns by group, each group's in their own order; null where groups differ in size. */
  readonly order: Uint32Array | null;
}

/** @param index from `readGroupIndex` */
export function columnGroups(index: Uint32Array | null, groupSize: number | null): ColumnGroups | null {
  if (index === null) return null;
  const order = Uint32Array.from(index.keys()).sort((a, b) => index[a] - index[b] || a - b);
  const size = groupSize ?? index.length;
  const filled = order.every((column, k) => index[column] === Math.floor(k / size));
  return { index, order: filled && size % BLOCK_CODES === 0 ? order : null };
}

/** The order in which the columns lie in memory, for what describes the matrix. */
export function orderOf(groups: ColumnGroups | null): { readonly columns?: Uint32Array } {
  return groups === null || groups.order === null ? {} : { columns: groups.order };
}
