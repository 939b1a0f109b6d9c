import { UserError } from '../errors.js';
import { bf16 } from './bf16.js';
import { f16 } from './f16.js';
import { f32 } from './f32.js';
import { int4 } from './int4.js';
import { int8 } from './int8.js';
import type { Reader } from './reader.js';
import type { PackedWeight, WeightFormat, WeightReader } from './weight.js';

/** The table of readers: a new format is a file and a line here. */
export const READERS: Readonly<Record<WeightReader, Reader>> = { f32, f16, bf16, int8, int4 };

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

function int4Format(groupSize: number, zeroPoints: boolean): WeightFormat {
  return { reader: 'int4', bits: 4, groupSize, scaleType: 'f16', zeroPoints };
}

/** How activations enter a matrix product: as they are, or rounded to INT8 just before. */
export type ActivationType = 'float' | 'int8';

/**
 * What `--quantization` accepts, as formats of the weights. Plain `int4` is groups of 32: without calibration, rounding to 4 bits loses visibly,
 * and small groups win most of it back for half a bit per weight; rows of any length that is a multiple of 32 split evenly.
 */
const NAMED_FORMATS: ReadonlyMap<string, WeightFormat> = new Map([
  ['int8', int8Format(null)],
  ['int8-g128', int8Format(128)],
  ['int4', int4Format(32, false)],
  ['int4-g32', int4Format(32, false)],
  ['int4-g64', int4Format(64, false)],
  ['int4-g128', int4Format(128, false)],
  ['int4-asym', int4Format(32, true)],
  ['int4-g32-asym', int4Format(32, true)],
  ['int4-g64-asym', int4Format(64, true)],
  ['int4-g128-asym', int4Format(128, true)],
  ['w8a8', int8Format(null)],
  ['w4a8', int4Format(32, false)],
]);

/** Names that ask for INT8 activations too. */
const INT8_ACTIVATIONS: ReadonlySet<string> = new Set(['w8a8', 'w4a8']);

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

/** The activations that a value of `--quantization` asks for; those of a model that is not quantized are floats. */
export function activationType(name: string | null): ActivationType {
  return name !== null && INT8_ACTIVATIONS.has(name) ? 'int8' : 'float';
}

/** A format's name in full, such as `bf16`, `int8` (one scale per row) or `int4-g32-asym`. */
export function formatName(format: WeightFormat): string {
  const { reader, groupSize, zeroPoints } = format;
  const group = groupSize === null ? '' : `-g${groupSize}`;
  return `${reader}${group}${zeroPoints ? '-asym' : ''}`;
}

export function sameFormat(a: WeightFormat, b: WeightFormat): boolean {
  return (
    a.reader === b.reader &&
    a.bits === b.bits &&
    a.groupSize === b.groupSize &&
    a.scaleType === b.scaleType &&
    a.zeroPoints === b.zeroPoints
  );
}

/** Writes the `cols` numbers of one row to the front of `out`, exact in f64. */
export function dequantizeRow(weight: PackedWeight, row: number, out: Float64Array): void {
  READERS[weight.format.reader].decodeRow(weight, row, out);
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
