import { parseQuantization } from '#halflight/quant/formats.js';
import { f32ToBf16, f32ToF16 } from '#halflight/quant/half.js';
import { packFloat } from '#halflight/quant/pack.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import type { PackedWeight } from '#halflight/quant/weight.js';
import type { Random } from './random.js';

type Pack = (values: Float32Array, rows: number, cols: number) => PackedWeight;

const quantized =
  (name: string): Pack =>
  (values, rows, cols) =>
    quantizeRtn(values, rows, cols, parseQuantization(name));

/** Every way in which a weight can lie in memory that a kernel may read differently. */
export const WEIGHT_FORMATS: Readonly<Record<string, Pack>> = {
  f32: (values, rows, cols) => packFloat(values, 'f32', rows, cols),
  f16: (values, rows, cols) => packFloat(rounded(values, f32ToF16), 'f16', rows, cols),
  bf16: (values, rows, cols) => packFloat(rounded(values, f32ToBf16), 'bf16', rows, cols),
  int8: quantized('int8'),
  'int8-g128': quantized('int8-g128'),
  'int4-g32': quantized('int4-g32'),
  'int4-g64': quantized('int4-g64'),
  'int4-g128': quantized('int4-g128'),
  'int4-g32-asym': quantized('int4-g32-asym'),
};

function rounded(values: Float32Array, round: (from: Float32Array, to: Uint16Array) => void): Uint16Array {
  const halves = new Uint16Array(values.length);
  round(values, halves);
  return halves;
}

/** A random weight with a few outliers, 50 times larger than the rest. */
export function randomWeight(random: Random, format: string, rows: number, cols: number): PackedWeight {
  const values = random.values(rows * cols);
  for (let i = 0; i < 3; i++) values[random.below(values.length)] *= 50;
  return WEIGHT_FORMATS[format](values, rows, cols);
}
