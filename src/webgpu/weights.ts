import type { WeightPart } from '../ops/ops.js';
import { sliceRows } from '../quant/rows.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  groupsPerRow,
  isInteger,
  type PackedWeight,
  scaleBits,
  type WeightFormat,
} from '../quant/weight.js';

/** `WeightShape` of the shaders: blocks in a row, groups in a row. */
export function weightShape({ format, cols }: WeightPart<GPUBuffer>): [number, number] {
  return [blocksPerRow(cols), groupsPerRow(format, cols)];
}

/** Overrides that the weight reader declares. */
export function weightConstants({ format }: WeightPart<GPUBuffer>): Record<string, number> {
  const { reader, groupSize, zeroPoints } = format;
  const scales = { SCALE_BITS: scaleBits(format), GROUP_BLOCKS: (groupSize ?? 0) / BLOCK_CODES };
  if (isInteger(format)) return { ...scales, ZERO_POINTS: zeroPoints ? 1 : 0 };
  // Other readers know how their one kind of scale is stored.
  return ONE_SCALE.has(reader) ? scales : {};
}

/** Readers of codes with one scale of any type for a block. */
const ONE_SCALE: ReadonlySet<string> = new Set(['table4', 'e2m1', 'e4m3', 'e5m2']);

/** How far apart along K the codes of a word lie as a reader unpacks them to bytes: with two in each byte of the word, even ones come first. */
export function unpackedStep({ reader }: WeightFormat): 1 | 2 {
  return reader === 'int4' ? 2 : 1;
}

/**
 * Rows whose codes fit a binding of `limit` bytes. Throws RangeError where one row does not.
 * @param unit rows that stay together where so many fit
 */
export function maxRows(
  { format, cols }: Pick<PackedWeight, 'format' | 'cols'>,
  limit: number,
  unit = 1,
): number {
  const rows = Math.floor(limit / (4 * blocksPerRow(cols) * format.bits));
  if (rows > 0) return rows < unit ? rows : rows - (rows % unit);
  throw new RangeError(`a row of ${cols} weights does not fit a binding of ${limit} bytes`);
}

/** The weight in as few pieces as fit a binding of `limit` bytes, split between rows, as `maxRows` says. */
export function splitRows(weight: PackedWeight, limit: number, unit = 1): PackedWeight[] {
  const rows = maxRows(weight, limit, unit);
  if (rows >= weight.rows) return [weight];
  const pieces: PackedWeight[] = [];
  for (let at = 0; at < weight.rows; at += rows) {
    pieces.push(sliceRows(weight, at, Math.min(rows, weight.rows - at)));
  }
  return pieces;
}

/** What a kernel that reads the part binds from `WEIGHT_BINDING` on; `nothing` stands for what its format lacks. */
export function weightBuffers(part: WeightPart<GPUBuffer>, nothing: GPUBuffer): GPUBuffer[] {
  if (part.format.scaleType === null) return [part.codes];
  return [part.codes, part.scales ?? nothing, part.zeros ?? nothing];
}
