import { RandomWords, randomPacked } from '#halflight/bench/random-weights.js';
import { parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { f32ToBf16, f32ToF16 } from '#halflight/quant/half.js';
import { packFloat } from '#halflight/quant/pack.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { BLOCK_CODES, type PackedWeight, type WeightFormat } from '#halflight/quant/weight.js';
import type { Random } from './random.js';

/** Rounds values, or where a format is not rounded to, makes codes of its own. */
type Pack = (values: Float32Array, rows: number, cols: number) => PackedWeight;

const quantized =
  (name: string): Pack =>
  (values, rows, cols) =>
    quantizeRtn(values, rows, cols, parseQuantization(name));

/** Ways in which a weight can lie in memory that a kernel may read differently, and that take any number of columns. */
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

/** A format of a width that `--quantization` has no name for. */
const ofBits =
  (bits: 5 | 6, zeroPoints: boolean): Pack =>
  (values, rows, cols) =>
    quantizeRtn(values, rows, cols, {
      reader: `int${bits}`,
      bits,
      groupSize: 32,
      scaleType: 'f16',
      zeroPoints,
    });

/** Random codes: the values only seed them. */
const stored =
  (format: WeightFormat): Pack =>
  (values, rows, cols) =>
    randomPacked(new RandomWords(512 * values[0]), format, rows, cols);

/** The other readers' formats, with which fewer cases are run. */
export const OTHER_FORMATS: Readonly<Record<string, Pack>> = {
  'int2-g32': quantized('int2-g32'),
  'int2-g64-asym': quantized('int2-g64-asym'),
  'int3-g32': quantized('int3-g32'),
  'int3-g32-asym': quantized('int3-g32-asym'),
  'int5-g32-asym': ofBits(5, true),
  'int6-g32': ofBits(6, false),
  ...Object.fromEntries(Object.entries(STORED_FORMATS).map(([name, format]) => [name, stored(format)])),
};

/** A number of columns that the format can have: `cols` or the next larger one. */
export function colsFor(format: string, cols: number): number {
  const known: Readonly<Record<string, WeightFormat>> = STORED_FORMATS;
  if (!Object.hasOwn(known, format)) return cols;
  const unit = known[format].groupSize ?? BLOCK_CODES;
  return Math.ceil(cols / unit) * unit;
}

function rounded(values: Float32Array, round: (from: Float32Array, to: Uint16Array) => void): Uint16Array {
  const halves = new Uint16Array(values.length);
  round(values, halves);
  return halves;
}

/** A random weight with a few outliers, 50 times larger than the rest. */
export function randomWeight(random: Random, format: string, rows: number, cols: number): PackedWeight {
  const values = random.values(rows * cols);
  for (let i = 0; i < 3; i++) values[random.below(values.length)] *= 50;
  return { ...WEIGHT_FORMATS, ...OTHER_FORMATS }[format](values, rows, cols);
}
