import type { OpArgs } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';

/** Rows and columns of the sums that a workgroup computes, as the shader says. */
const TILE = 32;

/** Throws RangeError where the sums have no room. */
export function gramDispatch({ x, rows, out, first, count }: OpArgs<GPUBuffer, 'gram'>): Dispatch {
  if (out.type !== 'f32' || out.cols !== x.cols || count > out.rows || first + count > x.cols)
    throw new RangeError(
      `sums ${first} … ${first + count - 1} of ${x.cols} columns do not fit [${out.rows}, ${out.cols}] of ${out.type}`,
    );
  return {
    spec: { kernel: 'gram', weight: null, types: { X: x.type }, constants: {} },
    buffers: [x.data, out.data],
    weight: [],
    params: new Params().u32(rows, first, count, x.cols, x.stride, out.stride).words,
    grid: [Math.ceil(x.cols / TILE), Math.ceil(count / TILE), 1],
  };
}
