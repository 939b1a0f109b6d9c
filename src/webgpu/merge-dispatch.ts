import type { OpArgs, WeightPart } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';

const LANES = 64;

/** Adds up what `linear_gemm` left in `sums`, f32 `[split][token][output]`, of a part of the weight. */
export function mergeDispatch(
  { bias, out, rows, accumulate, scale = 1 }: OpArgs<GPUBuffer, 'linear'>,
  part: WeightPart<GPUBuffer>,
  sums: GPUBuffer,
  splits: number,
  nothing: GPUBuffer,
): Dispatch {
  return {
    spec: { kernel: 'linear_merge', weight: null, types: { Y: out.type }, constants: { LANES } },
    buffers: [sums, bias?.data ?? nothing, out.data],
    weight: [],
    params: new Params()
      .u32(rows, part.rows, part.rowStart, out.stride, splits, bias === null ? 0 : 1, accumulate ? 1 : 0)
      .f32(scale).words,
    grid: [Math.ceil(part.rows / LANES), rows, 1],
  };
}
