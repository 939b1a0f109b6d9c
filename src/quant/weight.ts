/** How one weight matrix is stored in memory: the canonical layout that every on-disk format is repacked into. */

/** Name of the reader: `shaders/weight/<reader>.wgsl` on the GPU, `src/quant/<reader>.ts` on the CPU. */
export type WeightReader = 'f32' | 'f16' | 'bf16' | 'int8' | 'int4';

export type ScaleType = 'f32' | 'f16';

export interface WeightFormat {
  readonly reader: WeightReader;
  /** Bits of one code. */
  readonly bits: 4 | 8 | 16 | 32;
  /** Codes along K that share a scale, a multiple of 32; null where one scale serves the whole row, and for float formats. */
  readonly groupSize: number | null;
  /** null for float formats, which have no scales. */
  readonly scaleType: ScaleType | null;
  /** true: one zero point per group is stored; false: the zero point is 2^(bits-1). */
  readonly zeroPoints: boolean;
}

/**
 * W is `[rows = N outputs][cols = K inputs]`.
 * W[n][k] = (code − zero) · scale for integer formats; the code's own value for float formats.
 * K is padded to a multiple of 32 codes, the unit that every kernel reads; padding codes decode to 0.
 */
export interface PackedWeight {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly cols: number;
  /** `[rows][ceil(cols/32)·bits]` words, low bits first along K. Integer codes are unsigned with the offset 2^(bits-1). */
  readonly codes: Uint32Array;
  /** `[rows][groups]` in the format's scale type: f32 one per word; f16 two per word, low half first, over the flat index, last word padded. */
  readonly scales: Uint32Array | null;
  /** `[rows][groups]` zero points of `bits` bits each, packed low bits first over the flat index, last word padded. */
  readonly zeros: Uint32Array | null;
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

/** Bytes that the weight occupies in GPU memory. */
export function weightBytes(weight: PackedWeight): number {
  return weight.codes.byteLength + (weight.scales?.byteLength ?? 0) + (weight.zeros?.byteLength ?? 0);
}
