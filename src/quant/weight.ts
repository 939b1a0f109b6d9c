/** How one weight matrix is stored in memory: the canonical layout that every on-disk format is repacked into. */

/**
 * Name of the reader: `shaders/weight/<reader>.wgsl` on the GPU, an entry of `READERS` on the CPU. `intN` are integers of N bits around a zero
 * point, `table4` codes of 4 bits that stand for the entries of a table, `e2m1` floats of 4 bits, `e4m3` and `e5m2` of 8; the others are GGUF's types of
 * that name: codes with two scales, or with scales of two levels.
 */
export type WeightReader =
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'int8'
  | 'int6'
  | 'int5'
  | 'int4'
  | 'int3'
  | 'int2'
  | 'table4'
  | 'e2m1'
  | 'e4m3'
  | 'e5m2'
  | 'q4_1'
  | 'q5_1'
  | 'q2_k'
  | 'q3_k'
  | 'q4_k'
  | 'q5_k'
  | 'q6_k';

/** Tables of what 4-bit codes stand for (`tables.ts`). */
export type TableName = 'nf4' | 'fp4' | 'iq4' | 'mxfp4';

/** Bits of a code. */
export type CodeBits = 2 | 3 | 4 | 5 | 6 | 8 | 16 | 32;

/**
 * What is stored for each group: a number as f32 or f16; `e8m0`, a byte e for 2^(e − 128); `f16+f16`, a scale and what is added; or
 * `super` for 256 codes, five words: an f16 scale and an f16 scale of minimums, low half first, then 16 bytes of factors of smaller groups.
 */
export type ScaleType = 'f32' | 'f16' | 'e8m0' | 'f16+f16' | 'super';

export interface WeightFormat {
  readonly reader: WeightReader;
  readonly bits: CodeBits;
  /** Codes along K that share what is stored of a scale, a multiple of 32; null where one scale serves the whole row, and for float formats. */
  readonly groupSize: number | null;
  /** null for float formats, which have no scales. */
  readonly scaleType: ScaleType | null;
  /** true: one zero point per group is stored; false: the zero point is 2^(bits-1), and formats that have none. */
  readonly zeroPoints: boolean;
  /** What the codes stand for, where they are no numbers themselves. */
  readonly table?: TableName;
}

/**
 * W is `[rows = N outputs][cols = K inputs]`.
 * W[n][k] = (code − zero) · scale for integer formats; the code's own value for float formats; the readers say what it is for others.
 * K is padded to a multiple of 32 codes, the unit that every kernel reads; padding codes decode to 0.
 */
export interface PackedWeight {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly cols: number;
  /** `[rows][ceil(cols/32)]` blocks of `bits` words in planes (`planes.ts`). Integer codes are unsigned with the offset 2^(bits-1). */
  readonly codes: Uint32Array;
  /** `[rows][groups]` in the format's scale type, packed low bits first over the flat index, last word padded. */
  readonly scales: Uint32Array | null;
  /** `[rows][groups]` zero points of `zeroBits(bits)` bits each, packed low bits first over the flat index, last word padded. */
  readonly zeros: Uint32Array | null;
  /** `[cols]` for each column of codes the input that it multiplies, where the columns are in an order of their own. */
  readonly columns?: Uint32Array;
}

/** Codes in one block along K. */
export const BLOCK_CODES = 32;

/** Blocks of 32 codes in a row of `cols` weights. */
export function blocksPerRow(cols: number): number {
  return Math.ceil(cols / BLOCK_CODES);
}

/** Scales (and zero points) in a row of `cols` weights. */
export function groupsPerRow(format: WeightFormat, cols: number): number {
  if (format.scaleType === null) return 0;
  return format.groupSize === null ? 1 : Math.ceil(cols / format.groupSize);
}

const SCALE_BITS: Readonly<Record<ScaleType, 8 | 16 | 32 | 160>> = {
  f32: 32,
  f16: 16,
  e8m0: 8,
  'f16+f16': 32,
  super: 160,
};

/** Bits that are stored for the scale of a group. */
export function scaleBits({ scaleType }: WeightFormat): 0 | 8 | 16 | 32 | 160 {
  return scaleType === null ? 0 : SCALE_BITS[scaleType];
}

/** Bits of a stored zero point: those of a code, rounded up to a power of two. */
export function zeroBits(bits: CodeBits): 2 | 4 | 8 {
  if (bits > 4) return 8;
  return bits === 2 ? 2 : 4;
}

/** Whether codes are integers around a zero point, which products with INT8 activations need. */
export function isInteger({ reader }: WeightFormat): boolean {
  return reader.startsWith('int');
}

/** Whether the columns of both are in the same order. */
export function sameColumns(a: Pick<PackedWeight, 'columns'>, b: Pick<PackedWeight, 'columns'>): boolean {
  if (a.columns === b.columns) return true;
  return a.columns?.length === b.columns?.length && a.columns?.every((k, i) => k === b.columns?.[i]) === true;
}

/** Bytes that the weight occupies in GPU memory. */
export function weightBytes(weight: PackedWeight): number {
  const { codes, scales, zeros, columns } = weight;
  return [codes, scales, zeros, columns].reduce((sum, words) => sum + (words?.byteLength ?? 0), 0);
}
