import { DTYPE_BITS, type Dtype } from '../../checkpoint/dtypes.js';
import { type BlockType, GGUF_TYPES, isBlockType } from '../../checkpoint/gguf/types.js';
import { numElements } from '../../model/weight-bytes.js';

/** A tensor of an output before its elements are there. */
export interface OutputTensor {
  readonly name: string;
  readonly dtype: Dtype | BlockType;
  readonly shape: readonly number[];
}

/** Bytes of these tensors together. */
export function dtypeBytes(tensors: readonly OutputTensor[]): number {
  return tensors.reduce((sum, { dtype, shape }) => sum + (numElements(shape) * bitsOf(dtype)) / 8, 0);
}

function bitsOf(dtype: Dtype | BlockType): number {
  if (!isBlockType(dtype)) return DTYPE_BITS[dtype];
  const { elements, bytes } = GGUF_TYPES[dtype];
  return (8 * bytes) / elements;
}
