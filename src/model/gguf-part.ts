import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint/checkpoint.js';
import { f32ToBf16, f32ToF16 } from '../quant/half.js';
import { numElements } from './weight-bytes.js';

/** A tensor as a GGUF file of the model has it, made of the checkpoint's. */
export interface GgufPart {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of the floats that it is made of; F32 for vectors and what llama.cpp holds in f32 always. */
  readonly dtype: 'F32' | 'F16' | 'BF16';
  /** null outside the layers. */
  readonly layer: number | null;
  /** The checkpoint's tensors that it is made of; none for tables that follow from the configuration. */
  readonly sources: readonly TensorInfo[];
  /** Row i is row `order[i]` of the checkpoint's matrix; null where the order stays. */
  readonly order: readonly number[] | null;
  /** Elements in the file's order. */
  read(): Promise<Float32Array<ArrayBuffer>>;
}

/** The parts as a checkpoint of their own, each tensor with the elements that the file has. */
export function partsSource(parts: readonly GgufPart[]): Pick<Checkpoint, 'tensors' | 'readF32' | 'read'> {
  const byName = new Map(parts.map((each) => [each.name, each]));
  const tensors = new Map(parts.map((each) => [each.name, infoOf(each)]));
  const readF32 = async (name: string, rows?: RowRange): Promise<Float32Array<ArrayBuffer>> => {
    const found = byName.get(name);
    if (found === undefined) throw new RangeError(`${name} is no tensor of the file`);
    const values = await found.read();
    if (rows === undefined) return values;
    const size = values.length / found.shape[0];
    return values.slice(rows.start * size, (rows.start + rows.count) * size);
  };
  return {
    tensors,
    readF32,
    read: async (name, rows) => {
      const info = tensors.get(name);
      if (info === undefined) throw new RangeError(`${name} is no tensor of the file`);
      return { info, data: narrow(await readF32(name, rows), info.dtype) };
    },
  };
}

function infoOf({ name, shape, dtype, sources }: GgufPart): TensorInfo {
  const elements = numElements(shape);
  const { file = '', offset = 0 } = sources[0] ?? {};
  return { name, dtype, shape, file, offset, bytes: elements * (dtype === 'F32' ? 4 : 2) };
}

/** Exact: the values were of that type. */
function narrow(values: Float32Array<ArrayBuffer>, dtype: string): Uint8Array<ArrayBuffer> {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const halves = new Uint16Array(values.length);
  if (dtype === 'F16') f32ToF16(values, halves);
  else f32ToBf16(values, halves);
  return new Uint8Array(halves.buffer);
}
