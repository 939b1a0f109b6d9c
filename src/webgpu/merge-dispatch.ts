import type { OpArgs, WeightPart } from '../ops/ops.js';
import { activationConstants } from './activation-constants.js';
import { Params } from './params.js';
import { plainSpec } from './pipelines.js';
import type { Dispatch } from './recorder.js';

const LANES = 64;

/** Adds up what `linear_gemm` left in `sums`, f32 `[split][token][output]`, of a part of the weight, and gates it where there are gates. */
export function mergeDispatch(
  { bias, out, rows, accumulate, gated = null, activation, scale = 1 }: OpArgs<GPUBuffer, 'linear'>,
  part: WeightPart<GPUBuffer>,
  sums: GPUBuffer,
  splits: number,
  nothing: GPUBuffer,
): Dispatch {
  const constants = { LANES, ...(gated === null ? {} : activationConstants(activation)) };
  const gates = gated === null ? 0 : part.rows / 2;
  return {
    spec: plainSpec('linear_merge', { Y: out.type }, constants),
    buffers: [sums, bias?.data ?? nothing, out.data],
    weight: [],
    params: new Params()
      .u32(rows, part.rows, part.rowStart, out.stride, splits, bias === null ? 0 : 1, accumulate ? 1 : 0)
      .u32(gates)
      .f32(scale).words,
    grid: [Math.ceil((gated === null ? part.rows : gates) / LANES), rows, 1],
  };
}
