import { setBits, wordsFor } from '../../quant/bits.js';
import { bf16ToF32, f16Value } from '../../quant/half.js';
import type { TensorInfo } from '../checkpoint.js';
import { type ModuleTensors, tensorError } from './tensors.js';

export const SCALE_DTYPES = ['F16', 'BF16', 'F32'] as const;

/** Scales as a file orders them. */
export interface Scales {
  readonly type: 'f16' | 'f32';
  /** f16 or f32 bits. */
  readonly bits: Uint16Array | Uint32Array;
  value(index: number): number;
}

/** The type in memory that holds every scale of the tensor: half as wide a BF16 would lose its range. */
export function scaleType({ dtype }: TensorInfo): 'f16' | 'f32' {
  return dtype === 'F16' ? 'f16' : 'f32';
}

/** Reads scales. Rejects with CheckpointError where one is infinite or no number. */
export async function readScales(tensors: ModuleTensors, info: TensorInfo): Promise<Scales> {
  const { buffer } = await tensors.bytes(info);
  const scales = info.dtype === 'F16' ? halfScales(buffer) : fullScales(info, buffer);
  for (let i = 0; i < scales.bits.length; i++) {
    if (!Number.isFinite(scales.value(i))) throw tensorError(info, `scale ${i} is ${scales.value(i)}`);
  }
  return scales;
}

/** Scales computed in f32. Throws CheckpointError where one is infinite or no number. @param info the tensor that they come from */
export function f32Scales(info: TensorInfo, values: Float32Array<ArrayBuffer>): Scales {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong !== -1) throw tensorError(info, `scale ${wrong} is ${values[wrong]}`);
  return { type: 'f32', bits: new Uint32Array(values.buffer), value: (index) => values[index] };
}

/** Scales `[rows][groups]` in the canonical layout. @param indexOf where the scale of a group stands among them */
export function packScales(
  { type, bits: values }: Scales,
  { rows, groups }: { readonly rows: number; readonly groups: number },
  indexOf: (row: number, group: number) => number,
): Uint32Array {
  const bits = type === 'f16' ? 16 : 32;
  const words = new Uint32Array(wordsFor(rows * groups, bits));
  for (let n = 0, at = 0; n < rows; n++) {
    for (let g = 0; g < groups; g++) setBits(words, at++, bits, values[indexOf(n, g)]);
  }
  return words;
}

function halfScales(buffer: ArrayBuffer): Scales {
  const bits = new Uint16Array(buffer);
  return { type: 'f16', bits, value: (index) => f16Value(bits[index]) };
}

function fullScales({ dtype }: TensorInfo, buffer: ArrayBuffer): Scales {
  const values = dtype === 'BF16' ? widened(new Uint16Array(buffer)) : new Float32Array(buffer);
  return { type: 'f32', bits: new Uint32Array(values.buffer), value: (index) => values[index] };
}

function widened(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(halves.length);
  bf16ToF32(halves, values);
  return values;
}
