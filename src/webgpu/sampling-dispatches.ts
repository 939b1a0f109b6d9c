import { batchLayout } from '../ops/batch-layout.js';
import type { OpArgs } from '../ops/ops.js';
import type { KernelName } from './kernels.js';
import { Params } from './params.js';
import type { PipelineSpec } from './pipelines.js';
import type { Dispatch } from './recorder.js';
import { reduction } from './reduction.js';
import type { Tuning } from './tuning.js';

type Args<Name extends 'editLogits' | 'sample' | 'logprobs'> = OpArgs<GPUBuffer, Name>;

/** The dispatches of the operations on rows of logits: one workgroup of `sampleLanes` lanes a row. */

type SamplingTuning = Pick<Tuning, 'sampleLanes' | 'subgroupSums' | 'subgroupSize'>;

export function editLogitsDispatch(
  { batch, previous, logits, rows }: Args<'editLogits'>,
  { sampleLanes }: Pick<SamplingTuning, 'sampleLanes'>,
): Dispatch {
  const { maxLogits } = batch.capacity;
  return {
    spec: rowSpec('edit_logits', { constants: { LANES: sampleLanes } }),
    buffers: [batch.edits.data, previous.data, logits.data],
    weight: [],
    params: new Params().u32(logits.cols, logits.stride, maxLogits, previous.stride).words,
    grid: [rows, 1, 1],
  };
}

export function sampleDispatch(
  { batch, logits, out, rows }: Args<'sample'>,
  tuning: SamplingTuning,
): Dispatch {
  const table = batchLayout(batch.capacity).rows;
  return {
    spec: rowSpec('sample', reduction(tuning.sampleLanes, tuning)),
    buffers: [batch.data, logits.data, out.data],
    weight: [],
    params: new Params().u32(logits.cols, logits.stride, table, out.stride, 0x8000_0000).words,
    grid: [rows, 1, 1],
  };
}

export function logprobsDispatch(
  { batch, logits, out, rows }: Args<'logprobs'>,
  tuning: SamplingTuning,
): Dispatch {
  const table = batchLayout(batch.capacity).rows;
  return {
    spec: rowSpec('logprobs', reduction(tuning.sampleLanes, tuning)),
    buffers: [batch.data, logits.data, out.data],
    weight: [],
    params: new Params().u32(logits.cols, logits.stride, table, out.stride).words,
    grid: [rows, 1, 1],
  };
}

function rowSpec(kernel: KernelName, lanes: Pick<PipelineSpec, 'lanes' | 'constants'>): PipelineSpec {
  return { kernel, weight: null, types: {}, ...lanes };
}
