import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { TABLE_BYTES } from '../quant/tables.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  groupsPerRow,
  scaleBits,
  type TableName,
  type WeightFormat,
  zeroBits,
} from '../quant/weight.js';
import type { ModelConfig } from './config.js';
import { isInCodes } from './matrices.js';
import { namesIn } from './prefix.js';

/**
 * Bytes of the weights on the device: matrices with rows padded to whole blocks, vectors and the rotation table in f32. Only the layers'
 * matrices of floats are quantized.
 * @param format that the layers' matrices are rounded to; null keeps the checkpoint's
 * @param maxModelLen positions that the rotation table covers
 */
export function weightBytes(
  { tensors }: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  format: WeightFormat | null,
  maxModelLen: number,
): number {
  const { embedding, lmHead, positions } = namesIn(tensors, config);
  const kept = new Set([embedding, lmHead, positions]);
  let total = ropeBytes(config, maxModelLen);
  const tables = new Set<TableName>();
  for (const info of tensors.values()) {
    const { name, shape, bytes } = info;
    const [rows, cols] = shape;
    const rounded = kept.has(name) || isInCodes(info) ? null : format;
    const own = rounded ?? info.format;
    if (own?.table !== undefined) tables.add(own.table);
    if (shape.length !== 2) total += 4 * numElements(shape);
    else if (own !== undefined) total += formatBytes(own, rows, cols);
    else total += rows * blocksPerRow(cols) * BLOCK_CODES * (bytes / (rows * cols));
  }
  return total + tables.size * TABLE_BYTES;
}

/** Bytes of the rotation tables, one for all layers that rotate alike. */
export function ropeBytes({ ropes }: ModelConfig, maxModelLen: number): number {
  return [...new Set(ropes)].reduce((sum, { rotaryDim }) => sum + 4 * maxModelLen * rotaryDim, 0);
}

function formatBytes(format: WeightFormat, rows: number, cols: number): number {
  const groups = groupsPerRow(format, cols);
  const groupBits = scaleBits(format) + (format.zeroPoints ? zeroBits(format.bits) : 0);
  return rows * (4 * blocksPerRow(cols) * format.bits + (groups * groupBits) / 8);
}

/** Values in a tensor of this shape. */
export function numElements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
