import { DTYPE_BITS } from '../../checkpoint/dtypes.js';
import type { TensorSpec } from '../../checkpoint/safetensors-layout.js';
import { numElements } from '../../model/weight-bytes.js';

/** Bytes of these tensors together. */
export function dtypeBytes(tensors: readonly TensorSpec[]): number {
  return tensors.reduce((sum, { dtype, shape }) => sum + (numElements(shape) * DTYPE_BITS[dtype]) / 8, 0);
}
