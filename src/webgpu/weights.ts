import type { WeightPart } from '../ops/ops.js';
import { sliceRows } from '../quant/rows.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type PackedWeight } from '../quant/weight.js';

/** `WeightShape` of the shaders: blocks in a row, groups in a row, blocks that share a scale. */
export function weightShape(part: WeightPart<GPUBuffer>): [number, number, number] {
  const { format, cols } = part;
  const blocks = blocksPerRow(cols);
  return [
    blocks,
    groupsPerRow(format, cols),
    format.groupSize === null ? blocks : format.groupSize / BLOCK_CODES,
  ];
}

/** Overrides that the weight reader declares. */
export function weightConstants({ format }: WeightPart<GPUBuffer>): Record<string, number> {
  if (format.scaleType === null) return {};
  return { SCALE_F16: format.scaleType === 'f16' ? 1 : 0, ZERO_POINTS: format.zeroPoints ? 1 : 0 };
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

/** Group 1 of a kernel that reads the part; `nothing` stands for what its format lacks. */
export function weightBuffers(part: WeightPart<GPUBuffer>, nothing: GPUBuffer): GPUBuffer[] {
  if (part.format.scaleType === null) return [part.codes];
  return [part.codes, part.scales ?? nothing, part.zeros ?? nothing];
}
