import type { Tensor } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';

/** Lanes of a workgroup, as the shader says. */
const LANES = 32;

export interface OrderArgs {
  readonly x: Tensor<GPUBuffer>;
  /** `[cols]` columns of x. */
  readonly order: GPUBuffer;
  /** Room for as many rows of the same type. They take the stride of x. */
  readonly out: Tensor<GPUBuffer>;
  readonly rows: number;
}

/** Puts the columns of rows of x into another order. Throws RangeError where `out` has another type or too few columns. */
export function orderDispatch({ x, order, out, rows }: OrderArgs): Dispatch {
  if (x.type !== out.type || x.stride > out.stride) {
    throw new RangeError(`${x.cols} columns of ${x.type} have no room in ${out.cols} of ${out.type}`);
  }
  return {
    spec: { kernel: 'order_columns', weight: null, types: { X: x.type }, constants: {} },
    buffers: [x.data, order, out.data],
    weight: [],
    params: new Params().u32(x.cols, x.stride).words,
    grid: [Math.ceil(x.stride / LANES), rows, 1],
  };
}
