import { UserError } from '../errors.js';
import { addedReader } from './added.js';
import { affineReader } from './affine.js';
import { bf16 } from './bf16.js';
import { f16 } from './f16.js';
import { f32 } from './f32.js';
import { fp8Reader } from './fp8.js';
import type { Reader } from './reader.js';
import { BY_BLOCK, BY_TOKEN, OUTLIER_THRESHOLD, type Rounding } from './rounding.js';
import { superReader } from './super.js';
import { table4 } from './table4.js';
import type { PackedWeight, WeightFormat, WeightReader } from './weight.js';

/** The table of readers: a new one is a line here, a file of `shaders/weight/`, and where it decodes in a way of its own a file beside this. */
export const READERS: Readonly<Record<WeightReader, Reader>> = {
  f32,
  f16,
  bf16,
  int8: affineReader(8),
  int6: affineReader(6),
  int5: affineReader(5),
  int4: affineReader(4),
  int3: affineReader(3),
  int2: affineReader(2),
  table4,
  e2m1: table4,
  e4m3: fp8Reader(3),
  e5m2: fp8Reader(2),
  q4_1: addedReader(4),
  q5_1: addedReader(5),
  q2_k: superReader(2, 'nibbles'),
  q3_k: superReader(3, 'signed'),
  q4_k: superReader(4, 'minimums'),
  q5_k: superReader(5, 'minimums'),
  q6_k: superReader(6, 'signed'),
};

export type FloatType = 'f32' | 'f16' | 'bf16';

/** The formats that hold a checkpoint's own floats. */
export const FLOAT_FORMATS: Readonly<Record<FloatType, WeightFormat>> = {
  f32: { reader: 'f32', bits: 32, groupSize: null, scaleType: null, zeroPoints: false },
  f16: { reader: 'f16', bits: 16, groupSize: null, scaleType: null, zeroPoints: false },
  bf16: { reader: 'bf16', bits: 16, groupSize: null, scaleType: null, zeroPoints: false },
};

function int8Format(groupSize: number | null): WeightFormat {
  const scaleType = groupSize === null ? 'f32' : 'f16';
  return { reader: 'int8', bits: 8, groupSize, scaleType, zeroPoints: false };
}

function narrowFormat(bits: 2 | 3 | 4, groupSize: number, zeroPoints: boolean): WeightFormat {
  return { reader: `int${bits}`, bits, groupSize, scaleType: 'f16', zeroPoints };
}

const PLAIN = { groupSize: 32, scaleType: 'f16', zeroPoints: false } as const;
const SUPER = { groupSize: 256, scaleType: 'super', zeroPoints: false } as const;
const ADDED = { ...PLAIN, scaleType: 'f16+f16' } as const;

/** Formats of checkpoints that `--quantization` does not round to, by the names of their makers. Those without a group size in their name have one alone. */
export const STORED_FORMATS = {
  q4_1: { reader: 'q4_1', bits: 4, ...ADDED },
  q5_1: { reader: 'q5_1', bits: 5, ...ADDED },
  q2_k: { reader: 'q2_k', bits: 2, ...SUPER },
  q3_k: { reader: 'q3_k', bits: 3, ...SUPER },
  q4_k: { reader: 'q4_k', bits: 4, ...SUPER },
  q5_k: { reader: 'q5_k', bits: 5, ...SUPER },
  q6_k: { reader: 'q6_k', bits: 6, ...SUPER },
  iq4_nl: { reader: 'table4', table: 'iq4', bits: 4, ...PLAIN },
  iq4_xs: { reader: 'table4', table: 'iq4', bits: 4, ...SUPER },
  mxfp4: { reader: 'e2m1', table: 'mxfp4', bits: 4, ...PLAIN, scaleType: 'e8m0' },
  'nf4-g64': { reader: 'table4', table: 'nf4', bits: 4, ...PLAIN, groupSize: 64, scaleType: 'f32' },
  'fp4-g64': { reader: 'table4', table: 'fp4', bits: 4, ...PLAIN, groupSize: 64, scaleType: 'f32' },
  e4m3: { reader: 'e4m3', bits: 8, ...PLAIN, groupSize: null, scaleType: 'f32' },
  'e4m3-g128': { reader: 'e4m3', bits: 8, ...PLAIN, groupSize: 128, scaleType: 'f32' },
  e5m2: { reader: 'e5m2', bits: 8, ...PLAIN, groupSize: null, scaleType: 'f32' },
} as const satisfies Record<string, WeightFormat>;

/** How activations enter a matrix product: as they are, or rounded to INT8 just before. */
export type ActivationType = 'float' | 'int8';

/**
 * What `--quantization` accepts, as formats of the weights. Plain `int4` is groups of 32: without calibration, rounding to 4 bits loses visibly,
 * and small groups win most of it back for half a bit per weight; rows of any length that is a multiple of 32 split evenly. With fewer bits
 * that is so all the more.
 */
const NAMED_FORMATS: ReadonlyMap<string, WeightFormat> = new Map([
  ['int8', int8Format(null)],
  ['int8-g128', int8Format(128)],
  ...([4, 3, 2] as const).flatMap(narrowNames),
  ...['w8a8', 'w8a8-token', 'llm-int8'].map((name) => [name, int8Format(null)] as const),
  ...['w4a8', 'w4a8-token'].map((name) => [name, narrowFormat(4, 32, false)] as const),
  ...(['nf4', 'fp4'] as const).flatMap((name) => {
    const format = STORED_FORMATS[`${name}-g64`];
    return [[name, format] as const, [`${name}-g64`, format] as const];
  }),
]);

function narrowNames(bits: 2 | 3 | 4): (readonly [string, WeightFormat])[] {
  return [false, true].flatMap((zeroPoints) => {
    const suffix = zeroPoints ? '-asym' : '';
    const named = [32, 64, 128].map(
      (size) => [`int${bits}-g${size}${suffix}`, narrowFormat(bits, size, zeroPoints)] as const,
    );
    return [[`int${bits}${suffix}`, narrowFormat(bits, 32, zeroPoints)] as const, ...named];
  });
}

/** Names that ask for INT8 activations too. */
const INT8_ACTIVATIONS: ReadonlyMap<string, Rounding> = new Map([
  ['w8a8', BY_BLOCK],
  ['w8a8-token', BY_TOKEN],
  ['llm-int8', { ...BY_TOKEN, outliers: OUTLIER_THRESHOLD }],
  ['w4a8', BY_BLOCK],
  ['w4a8-token', BY_TOKEN],
]);

/** The names that `parseQuantization` knows. */
export const QUANTIZATION_NAMES: readonly string[] = [...NAMED_FORMATS.keys()];

/** Reads the value of `--quantization`. Throws UserError with the known names. */
export function parseQuantization(text: string): WeightFormat {
  const format = NAMED_FORMATS.get(text);
  if (format !== undefined) return format;
  throw new UserError(
    `unknown quantization ${JSON.stringify(text)}; known: ${QUANTIZATION_NAMES.join(', ')}`,
  );
}

/** The activations that a value of `--quantization` asks for. */
export function activationType(name: string): ActivationType {
  return INT8_ACTIVATIONS.has(name) ? 'int8' : 'float';
}

/** How a value of `--quantization` has activations rounded; null where they stay floats. @param threshold of outliers, where it leaves these out */
export function activationRounding(name: string, threshold: number = OUTLIER_THRESHOLD): Rounding | null {
  const rounding = INT8_ACTIVATIONS.get(name) ?? null;
  return rounding === null || rounding.outliers === null ? rounding : { ...rounding, outliers: threshold };
}

const STORED_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(STORED_FORMATS).map(([name, format]) => [formatKey(format), name]),
);

/** A format's name in full, such as `bf16`, `int8` (one scale per row), `int4-g32-asym` or `q4_k`. */
export function formatName(format: WeightFormat): string {
  const { reader, groupSize, zeroPoints, table } = format;
  const known = STORED_NAMES.get(formatKey(format));
  if (known !== undefined) return known;
  const group = groupSize === null ? '' : `-g${groupSize}`;
  return `${table ?? reader}${group}${zeroPoints ? '-asym' : ''}`;
}

function formatKey({ reader, bits, groupSize, scaleType, zeroPoints, table }: WeightFormat): string {
  return JSON.stringify([reader, bits, groupSize, scaleType, zeroPoints, table ?? null]);
}

export function sameFormat(a: WeightFormat, b: WeightFormat): boolean {
  return formatKey(a) === formatKey(b);
}

/** Writes the `cols` numbers of one row to the front of `out`, in the order of the inputs, exact in f64. */
export function dequantizeRow(weight: PackedWeight, row: number, out: Float64Array): void {
  const { columns, cols } = weight;
  READERS[weight.format.reader].decodeRow(weight, row, out);
  if (columns === undefined) return;
  const decoded = out.slice(0, cols);
  for (let k = 0; k < cols; k++) out[columns[k]] = decoded[k];
}

/** The whole weight, `[rows][cols]` without padding, each number rounded to f32. */
export function dequantize(weight: PackedWeight): Float32Array<ArrayBuffer> {
  const values = new Float32Array(weight.rows * weight.cols);
  const row = new Float64Array(weight.cols);
  for (let n = 0; n < weight.rows; n++) {
    dequantizeRow(weight, n, row);
    values.set(row, n * weight.cols);
  }
  return values;
}
