import type { OpArgs } from '../ops/ops.js';
import { Params } from './params.js';
import type { PipelineSpec } from './pipelines.js';
import type { Dispatch } from './recorder.js';
import { reduction } from './reduction.js';
import type { Tuning } from './tuning.js';

type NormTuning = Pick<Tuning, 'normLanes' | 'normVectors' | 'subgroupSums' | 'subgroupSize'>;

/** One workgroup a token, whose lanes hold the row in registers where it fits. */
export function rmsNormDispatch(args: OpArgs<GPUBuffer, 'rmsNorm'>, tuning: NormTuning): Dispatch {
  const { x, weight, out, rows, eps, scale = null } = args;
  const vectors = vectorSpec(x.cols, tuning);
  const { constants, ...kernel } = vectors ?? { kernel: 'rms_norm', ...reduction(tuning.normLanes, tuning) };
  const elements = vectors === null ? 1 : 4;
  return {
    spec: {
      ...kernel,
      weight: null,
      types: { X: x.type, Y: out.type },
      constants: { ...constants, ADD: scale === null ? 0 : 1 },
    },
    buffers: [x.data, weight.data, out.data],
    weight: [],
    params: new Params().u32(x.cols, x.stride / elements, out.stride / elements).f32(eps, scale ?? 0).words,
    grid: [rows, 1, 1],
  };
}

/** How a row is held in registers, in a workgroup no wider than it; null where it is too long. */
function vectorSpec(
  cols: number,
  tuning: NormTuning,
): Pick<PipelineSpec, 'kernel' | 'lanes' | 'constants' | 'unroll'> | null {
  const count = Math.ceil(cols / 4);
  const needed = Math.max(tuning.subgroupSize ?? 1, 2 ** Math.ceil(Math.log2(count)));
  const lanes = Math.min(tuning.normLanes, needed);
  const vectors = Math.ceil(count / lanes);
  if (vectors > tuning.normVectors) return null;
  return { kernel: 'rms_norm_vectors', ...reduction(lanes, tuning), unroll: { VECTORS: vectors } };
}

export function layerNormDispatch(args: OpArgs<GPUBuffer, 'layerNorm'>, tuning: NormTuning): Dispatch {
  const { x, weight, bias, out, rows, eps } = args;
  return {
    spec: {
      kernel: 'layer_norm',
      weight: null,
      types: { X: x.type, Y: out.type },
      ...reduction(tuning.normLanes, tuning),
    },
    buffers: [x.data, weight.data, bias.data, out.data],
    weight: [],
    params: new Params().u32(x.cols, x.stride, out.stride).f32(eps).words,
    grid: [rows, 1, 1],
  };
}
