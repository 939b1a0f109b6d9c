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
