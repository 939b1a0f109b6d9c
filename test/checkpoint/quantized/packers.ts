import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { getBits } from '#halflight/quant/bits.js';
import { f16Rounder, f16Value } from '#halflight/quant/half.js';
import { getCode } from '#halflight/quant/planes.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  type PackedWeight,
  type WeightFormat,
  zeroBits,
} from '#halflight/quant/weight.js';
import { temporaryFolder } from '../../support/models.js';
import { Random } from '../../support/random.js';
import { seededIntegers } from '../support.js';

/** A matrix of codes before it is packed: W[n][k] = (code − zero) · scale. */
export interface Coded {
  readonly rows: number;
  readonly cols: number;
  readonly bits: number;
  readonly groupSize: number;
  /** `[rows][cols]`, unsigned. */
  readonly codes: readonly number[];
  /** `[rows][groups]` */
  readonly zeros: readonly number[];
  /** `[rows][groups]` f16 bits. */
  readonly scales: readonly number[];
}

export interface CodedShape {
  readonly rows: number;
  readonly cols: number;
  readonly bits: number;
  readonly groupSize?: number;
  readonly symmetric?: boolean;
  readonly seed?: number;
}

/** Random codes; scales are positive f16 from 2^-8 to 2^-3. */
export function randomCoded({
  rows,
  cols,
  bits,
  groupSize = cols,
  symmetric = false,
  seed = 1,
}: CodedShape): Coded {
  const integer = seededIntegers(seed);
  const groups = rows * Math.ceil(cols / groupSize);
  const many = (length: number, value: () => number) => Array.from({ length }, value);
  return {
    rows,
    cols,
    bits,
    groupSize,
    codes: many(rows * cols, () => integer(2 ** bits)),
    zeros: many(groups, () => (symmetric ? 2 ** (bits - 1) : integer(2 ** bits))),
    scales: many(groups, () => 0x1c00 + integer(0x1400)),
  };
}

/**
 * A matrix as training with quantization leaves it: floats rounded by scales that were learned, by turns 0.7 and 1.3 of what rounding to nearest
 * would take, so that codes are clamped at both ends, or far from them.
 */
export function trainedCoded({ rows, cols, bits, groupSize = cols }: CodedShape): Coded {
  const random = new Random(3);
  const middle = 2 ** (bits - 1);
  const coded: { codes: number[]; scales: number[] } = { codes: [], scales: [] };
  const toHalf = f16Rounder();
  for (let group = 0; group < (rows * cols) / groupSize; group++) {
    const values = [...random.values(groupSize)];
    const greatest = Math.max(...values.map(Math.abs));
    const scale = toHalf((greatest / middle) * (group % 2 === 0 ? 0.7 : 1.3));
    const code = (value: number) => Math.round(value / f16Value(scale)) + middle;
    coded.codes.push(...values.map((value) => Math.min(Math.max(code(value), 0), 2 * middle - 1)));
    coded.scales.push(scale);
  }
  return { rows, cols, bits, groupSize, zeros: coded.scales.map(() => middle), ...coded };
}

/** A matrix of floats rounded to codes. @param format with f16 scales; rows are whole blocks of 32 */
export function roundedCodes(
  values: Float32Array,
  [rows, cols]: readonly number[],
  format: WeightFormat,
): Coded {
  const { codes, scales, zeros } = quantizeRtn(values, rows, cols, format);
  const bits = format.bits === 4 ? 4 : 8;
  const groupSize = format.groupSize ?? cols;
  const numGroups = (rows * cols) / groupSize;
  const unpack = (words: Uint32Array, width: 4 | 8 | 16, count: number) =>
    Array.from({ length: count }, (_, i) => getBits(words, i, width));
  return {
    rows,
    cols,
    bits,
    groupSize,
    codes: unpack(codes, bits, rows * cols),
    zeros: zeros === null ? Array(numGroups).fill(2 ** (bits - 1)) : unpack(zeros, bits, numGroups),
    scales: unpack(scales ?? new Uint32Array(), 16, numGroups),
  };
}

/** Codes one after another from the lowest bit on, in words; each `perWord` start a word of their own where given. */
export function packLow(codes: readonly number[], bits: number, perWord: number | null = null): number[] {
  const words: bigint[] = [];
  const stepsOf = (i: number) =>
    perWord === null ? i * bits : Math.floor(i / perWord) * 32 + (i % perWord) * bits;
  codes.forEach((code, i) => {
    const bit = stepsOf(i);
    const at = Math.floor(bit / 32);
    while (words.length < at + 1) words.push(0n);
    const placed = BigInt(code) << BigInt(bit % 32);
    words[at] |= placed & 0xffffffffn;
    if (placed >> 32n > 0n || (bit % 32) + bits > 32) words[at + 1] = placed >> 32n;
  });
  return words.map(Number);
}

/** `[rows][cols]` to `[cols][rows]`. */
function transposed<T>(values: readonly T[], cols: number): T[] {
  const rows = values.length / cols;
  return Array.from({ length: values.length }, (_, i) => values[(i % rows) * cols + Math.floor(i / rows)]);
}

function rowsOf<T>(values: readonly T[], cols: number): T[][] {
  return Array.from({ length: values.length / cols }, (_, n) => values.slice(n * cols, (n + 1) * cols));
}

function groupsOf({ cols, groupSize }: Coded): number {
  return Math.ceil(cols / groupSize);
}

const i32 = (name: string, shape: readonly number[], words: readonly number[]): TensorData => ({
  name,
  dtype: 'I32',
  shape,
  data: Uint32Array.from(words),
});

const f16 = (name: string, shape: readonly number[], bits: readonly number[]): TensorData => ({
  name,
  dtype: 'F16',
  shape,
  data: Uint16Array.from(bits),
});

/** A codes' matrix as GPTQ stores it. @param zeroOffset 1 in the first version: zero points are stored less one */
export function gptqTensors(
  module: string,
  coded: Coded,
  zeroOffset: 0 | 1,
  groupIndex?: readonly number[],
): TensorData[] {
  const { rows, cols, bits, codes, zeros, scales } = coded;
  const groups = groupsOf(coded);
  const perColumn = rowsOf(codes, cols).map((row) => packLow(row, bits));
  const stored = zeros.map((zero) => (zero - zeroOffset + 2 ** bits) % 2 ** bits);
  const zeroWords = rowsOf(transposed(stored, groups), rows).map((row) => packLow(row, bits));
  return [
    i32(`${module}.qweight`, [perColumn[0].length, rows], transposed(perColumn.flat(), perColumn[0].length)),
    i32(`${module}.qzeros`, [groups, zeroWords[0].length], zeroWords.flat()),
    f16(`${module}.scales`, [groups, rows], transposed(scales, groups)),
    i32(
      `${module}.g_idx`,
      [cols],
      groupIndex ?? codes.slice(0, cols).map((_, k) => Math.floor(k / coded.groupSize)),
    ),
  ];
}

/** A codes' matrix as AWQ's `gemm` stores it: nibble i of word c is column 8c + [0, 2, 4, 6, 1, 3, 5, 7][i]. */
export function awqTensors(module: string, coded: Coded): TensorData[] {
  const { rows, cols, codes, zeros, scales } = coded;
  const groups = groupsOf(coded);
  const packRow = (row: readonly number[]) =>
    packLow(
      row.map((_, i) => row[i - (i % 8) + [0, 2, 4, 6, 1, 3, 5, 7][i % 8]]),
      4,
    );
  const pack = (values: readonly number[], perRow: number) =>
    rowsOf(transposed(values, perRow), rows).flatMap(packRow);
  return [
    i32(`${module}.qweight`, [cols, rows / 8], pack(codes, cols)),
    i32(`${module}.qzeros`, [groups, rows / 8], pack(zeros, groups)),
    f16(`${module}.scales`, [groups, rows], transposed(scales, groups)),
  ];
}

/** A codes' matrix as compressed-tensors' `pack-quantized` stores it. @param padded no code reaches into the next word */
export function packedTensors(
  module: string,
  coded: Coded,
  symmetric: boolean,
  padded = false,
): TensorData[] {
  const { rows, cols, bits, codes, zeros, scales } = coded;
  const groups = groupsOf(coded);
  const perWord = padded ? Math.floor(32 / bits) : null;
  const words = rowsOf(codes, cols).map((row) => packLow(row, bits, perWord));
  const zeroWords = rowsOf(transposed(zeros, groups), rows).map((column) => packLow(column, bits, perWord));
  const zeroTensor = i32(
    `${module}.weight_zero_point`,
    [zeroWords[0].length, groups],
    transposed(zeroWords.flat(), zeroWords[0].length),
  );
  return [
    i32(`${module}.weight_packed`, [rows, words[0].length], words.flat()),
    f16(`${module}.weight_scale`, [rows, groups], scales),
    {
      name: `${module}.weight_shape`,
      dtype: 'I64',
      shape: [2],
      data: BigInt64Array.of(BigInt(rows), BigInt(cols)),
    },
    ...(symmetric ? [] : [zeroTensor]),
  ];
}

/** A codes' matrix of 4 bits as Q4_0 of GGUF stores it: for 32 columns an f16 scale, then bytes of the codes i and i + 16. */
export function q4Blocks({ codes, scales }: Coded): Uint8Array {
  const nibbles = (block: number) =>
    Array.from({ length: 16 }, (_, i) => codes[32 * block + i] | (codes[32 * block + i + 16] << 4));
  return Uint8Array.from(scales.flatMap((scale, i) => [scale & 0xff, scale >> 8, ...nibbles(i)]));
}

/** What the matrix stands for, `[rows][cols]`, each product rounded to f32. */
export function valuesOf(coded: Coded, groupIndex?: readonly number[]): Float32Array<ArrayBuffer> {
  const { cols, codes, zeros, scales, groupSize } = coded;
  return Float32Array.from(codes, (code, i) => {
    const group = groupIndex?.[i % cols] ?? Math.floor((i % cols) / groupSize);
    const at = Math.floor(i / cols) * groupsOf(coded) + group;
    return (code - zeros[at]) * f16Value(scales[at]);
  });
}

/** The packed weight must have every code, zero point and scale of the source, to the bit. */
export function sameCodes(t: Test, packed: PackedWeight | null, coded: Coded): void {
  if (packed === null || packed.format.scaleType === null) {
    t.fail('held in no codes');
    return;
  }
  const { rows, cols, bits, codes, zeros, scales } = coded;
  const groups = groupsOf(coded);
  const format = packed.format.bits;
  const padded = blocksPerRow(cols) * BLOCK_CODES;
  // Without stored zero points the middle of the wider code stands for the middle of the narrower.
  const shift = packed.zeros === null ? 2 ** (format - 1) - 2 ** (bits - 1) : 0;
  const got = codes.map(
    (_, i) => getCode(packed.codes, Math.floor(i / cols) * padded + (i % cols), format) - shift,
  );
  t.strictSame([packed.rows, packed.cols], [rows, cols]);
  t.strictSame(got, codes);
  const gotZeros = zeros.map((_, i) =>
    packed.zeros === null ? 2 ** (bits - 1) : getBits(packed.zeros, i, zeroBits(format)),
  );
  t.strictSame(gotZeros, zeros);
  const words = packed.scales ?? new Uint32Array();
  const gotScales = scales.map((_, i) =>
    packed.format.scaleType === 'f16'
      ? f16Value(getBits(words, i, 16))
      : new Float32Array(words.buffer, words.byteOffset)[i],
  );
  t.strictSame(gotScales, scales.map(f16Value));
  t.equal(groups * rows, scales.length);
}

/** Writes a model directory of these tensors. */
export async function writeCheckpoint(
  dir: string,
  quantization: object | null,
  tensors: readonly TensorData[],
): Promise<void> {
  const config = quantization === null ? {} : { quantization_config: quantization };
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
}

/** Opens what `writeCheckpoint` wrote, and closes it with the test. */
export async function openWritten(t: Test, quantization: object | null, tensors: readonly TensorData[]) {
  const dir = await temporaryFolder(t);
  await writeCheckpoint(dir, quantization, tensors);
  const checkpoint = await openModelCheckpoint(dir);
  t.teardown(() => checkpoint.close());
  return checkpoint;
}

/** Opening the directory, or reading a matrix of it, must fail with this error. */
export async function refusesWritten(
  t: Test,
  quantization: object,
  tensors: readonly TensorData[],
  message: RegExp,
): Promise<void> {
  const dir = await temporaryFolder(t);
  await writeCheckpoint(dir, quantization, tensors);
  await t.rejects(readEverything(dir), { name: 'CheckpointError', message });
}

/** Opens a directory and reads all of it. */
export async function readEverything(dir: string): Promise<void> {
  const checkpoint = await openModelCheckpoint(dir);
  try {
    for (const name of checkpoint.tensors.keys()) {
      if ((await checkpoint.stored(name)) === null) await checkpoint.read(name);
    }
  } finally {
    await checkpoint.close();
  }
}
