import { batchLayout } from '../ops/batch-layout.js';
import type { OpArgs } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';

/** Invocations of a workgroup that expands, as the shader says. */
const EXPAND_LANES = 32;

/** Down to the ranks, then up to the outputs. Throws RangeError where there is no room for the ranks of all parts. */
export function loraDispatches(args: OpArgs<GPUBuffer, 'addLora'>, lanes: number): readonly Dispatch[] {
  const { lora, room, rows } = args;
  const count = lora.rank * lora.ends.length;
  if (room.cols < count || room.rows < rows)
    throw new RangeError(`[${rows}, ${count}] of ranks do not fit [${room.rows}, ${room.cols}]`);
  return [shrink(args, count, lanes), expand(args)];
}

function shrink(args: OpArgs<GPUBuffer, 'addLora'>, count: number, lanes: number): Dispatch {
  const { batch, x, lora, room, rows, of } = args;
  const { sequenceIds, adapters, logitsRows } = batchLayout(batch.capacity);
  const constants = { LANES: lanes, OF_LOGITS: of === 'logits' ? 1 : 0 };
  return {
    spec: { kernel: 'lora_shrink', weight: null, types: { X: x.type }, constants },
    buffers: [batch.data, x.data, lora.a.data, room.data],
    weight: [],
    params: new Params()
      .u32(x.cols, x.stride, room.stride, count, lora.a.stride)
      .u32(sequenceIds, adapters, logitsRows).words,
    grid: [count, rows, 1],
  };
}

function expand({ batch, lora, room, out, rows, of, scale }: OpArgs<GPUBuffer, 'addLora'>): Dispatch {
  const { sequenceIds, adapters, logitsRows } = batchLayout(batch.capacity);
  const size = lora.ends[lora.ends.length - 1];
  const [end0 = size, end1 = size] = lora.ends;
  return {
    spec: {
      kernel: 'lora_expand',
      weight: null,
      types: { Y: out.type },
      constants: { OF_LOGITS: of === 'logits' ? 1 : 0 },
    },
    buffers: [batch.data, room.data, lora.b.data, out.data],
    weight: [],
    params: new Params()
      .u32(size, out.stride, room.stride, lora.rank, lora.b.stride, end0, end1)
      .u32(sequenceIds, adapters, logitsRows)
      .f32(scale).words,
    grid: [Math.ceil(size / EXPAND_LANES), rows, 1],
  };
}
