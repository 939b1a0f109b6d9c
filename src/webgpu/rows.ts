import type { ElementType, Tensor } from '../ops/ops.js';
import { f16ToF32, f32ToF16 } from '../quant/half.js';

/** Rows between a tensor's memory, padded and in its own type, and plain `[rows][cols]` numbers on the host. */

type Layout = Pick<Tensor<unknown>, 'cols' | 'stride' | 'type'>;

export function elementBytes(type: ElementType): number {
  return type === 'f16' ? 2 : 4;
}

/** `[rows][cols]` values as the tensor holds them, padding zero. */
export function encodeRows(
  values: Float32Array,
  layout: Layout,
): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> {
  const padded = pad(values, layout);
  if (layout.type === 'f32') return padded;
  if (layout.type === 'u32') return Uint32Array.from(padded);
  const halves = new Uint16Array(padded.length);
  f32ToF16(padded, halves);
  return halves;
}

/** The values of whole rows of an f32 or f16 tensor, without padding. */
export function decodeRows(data: ArrayBuffer, layout: Layout): Float32Array<ArrayBuffer> {
  if (layout.type !== 'f16') return unpad(new Float32Array(data), layout, Float32Array);
  const halves = new Uint16Array(data);
  const wide = new Float32Array(halves.length);
  f16ToF32(halves, wide);
  return unpad(wide, layout, Float32Array);
}

export function unpad<A extends Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(
  padded: A,
  { cols, stride }: Layout,
  Type: new (length: number) => A,
): A {
  if (cols === stride) return padded;
  const rows = padded.length / stride;
  const out = new Type(rows * cols);
  for (let r = 0; r < rows; r++) out.set(padded.subarray(r * stride, r * stride + cols), r * cols);
  return out;
}

function pad(values: Float32Array, { cols, stride }: Layout): Float32Array<ArrayBuffer> {
  const rows = values.length / cols;
  const out = new Float32Array(rows * stride);
  for (let r = 0; r < rows; r++) out.set(values.subarray(r * cols, (r + 1) * cols), r * stride);
  return out;
}
