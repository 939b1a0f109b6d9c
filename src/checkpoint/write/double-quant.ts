import type { PackedWeight } from '../../quant/weight.js';

/** Scales that share a scale of their own. */
export const NESTED_BLOCK = 256;

/** Scales as codes: code of each, a scale for each 256, and what is added to all; `scale = map[code] · nested + offset`, each step in f32. */
export interface NestedScales {
  readonly codes: Uint8Array;
  readonly nested: Float32Array;
  readonly offset: number;
}

/**
 * The 256 numbers that 8-bit codes of scales stand for, ascending: seven decades of both signs, the finer divided the larger they are, and 0 and 1
 * (Dettmers, "8-Bit Approximations for Parallelism in Deep Learning", arXiv 1511.04561, as bitsandbytes has it).
 */
export const DYNAMIC_MAP: Float32Array = dynamicMap();

function dynamicMap(): Float32Array {
  const values = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const count = 2 ** decade;
    for (let i = 0; i < count; i++) {
      const middle = 0.1 + (0.9 * (i + 0.5)) / count;
      values.push(10 ** (decade - 6) * middle, -(10 ** (decade - 6)) * middle);
    }
  }
  return Float32Array.from(values).sort();
}

/** Rounds scales to nearest: their mean is the offset, and the greatest of each 256 of what is left is a code. */
export function nestScales(scales: Float32Array): NestedScales {
  const offset = Math.fround(scales.reduce((sum, scale) => sum + scale, 0) / Math.max(1, scales.length));
  const rest = scales.map((scale) => scale - offset);
  const nested = new Float32Array(Math.ceil(scales.length / NESTED_BLOCK));
  const codes = new Uint8Array(scales.length);
  for (let block = 0; block < nested.length; block++) {
    const start = block * NESTED_BLOCK;
    const part = rest.subarray(start, start + NESTED_BLOCK);
    const greatest = part.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    nested[block] = greatest;
    for (let i = 0; i < part.length; i++)
      codes[start + i] = nearestCode(greatest === 0 ? 0 : part[i] / greatest);
  }
  return { codes, nested, offset };
}

function nearestCode(value: number): number {
  let [low, high] = [0, DYNAMIC_MAP.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (DYNAMIC_MAP[middle] <= value) low = middle;
    else high = middle;
  }
  return value - DYNAMIC_MAP[low] <= DYNAMIC_MAP[high] - value ? low : high;
}

/** The weight with its f32 scales as they are read back from codes. */
export function withNestedScales(weight: PackedWeight, scales: Float32Array): PackedWeight {
  const { codes, nested, offset } = nestScales(scales);
  const product = Float32Array.from(
    codes,
    (code, i) => DYNAMIC_MAP[code] * nested[Math.floor(i / NESTED_BLOCK)],
  );
  const read = product.map((value) => value + offset);
  return { ...weight, scales: new Uint32Array(read.buffer) };
}
