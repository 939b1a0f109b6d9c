import { sameFormat } from '../../quant/formats.js';
import type { PackedWeight, WeightFormat } from '../../quant/weight.js';
import { blockBytes, WRITTEN_TYPES, type WrittenType } from '../gguf/pack.js';
import { packedFormat } from '../gguf/repack.js';
import type { NamedData } from './shards.js';

/** The matrix of a module in the blocks of its type. @param groupIndex must be null: a block's columns follow one another */
export function packGguf(
  { module }: { readonly module: string },
  weight: PackedWeight,
  groupIndex: Uint32Array | null,
): NamedData[] {
  if (groupIndex !== null) throw new RangeError(`${module}: GGUF has no place for an order of columns`);
  return [{ name: `${module}.weight`, data: blockBytes(typeOfFormat(weight.format), weight) }];
}

/** Throws RangeError for a format that no type is. */
function typeOfFormat(format: WeightFormat): WrittenType {
  const found = WRITTEN_TYPES.find((type) => sameFormat(packedFormat(type), format));
  if (found !== undefined) return found;
  throw new RangeError(`no type of GGUF holds ${format.reader}`);
}
