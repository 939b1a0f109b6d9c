import { batchLayout } from '../ops/batch-layout.js';
import type { OpArgs } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';
import { reduction } from './reduction.js';
import type { Tuning } from './tuning.js';

type Args = OpArgs<GPUBuffer, 'ropeAndCache'>;

type RopeTuning = Pick<Tuning, 'headLanes' | 'subgroupSums' | 'subgroupSize'>;

/** One workgroup for each token and head. */
export function ropeDispatch(args: Args, tuning: RopeTuning, nothing: GPUBuffer): Dispatch {
  const { batch, qkv, q, cache, rope, norm, numHeads, rows } = args;
  const whole = norm !== null && norm.weights.rows !== 2;
  const { lanes, constants: own } = reduction(tuning.headLanes, tuning);
  const constants = {
    ...own,
    HEAD_DIM: cache.headDim,
    QK_NORM: norm === null ? 0 : 1,
    WHOLE: whole ? 1 : 0,
  };
  const norms = norm?.weights.data ?? nothing;
  return {
    spec: { kernel: 'rope_cache', weight: null, types: { X: qkv.type }, constants, lanes, kv: cache.type },
    buffers: [batch.data, qkv.data, rope.data, norms, q.data, cache.k, cache.v],
    weight: [],
    params: ropeParams(args),
    grid: [numHeads + 2 * cache.numKvHeads, rows, 1],
  };
}

function ropeParams({ batch, qkv, q, cache, rope, rotaryDim, norm, numHeads }: Args): Uint32Array {
  const { positions, slotMapping } = batchLayout(batch.capacity);
  return new Params()
    .u32(numHeads, cache.numKvHeads, cache.headDim, rotaryDim, cache.blockSize)
    .u32(qkv.stride, q.stride / 4, rope.stride, positions, slotMapping)
    .f32(norm?.eps ?? 0).words;
}
