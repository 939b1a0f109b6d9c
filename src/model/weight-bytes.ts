import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type WeightFormat } from '../quant/weight.js';
import type { ModelConfig } from './config.js';

/**
 * Bytes of the weights on the device: matrices with rows padded to whole blocks, vectors and the rotation table in f32. Only the layers'
 * matrices are quantized.
 * @param format that the layers' matrices are rounded to; null keeps the checkpoint's
 * @param maxModelLen positions that the rotation table covers
 */
export function weightBytes(
  { tensors }: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  format: WeightFormat | null,
  maxModelLen: number,
): number {
  const kept = new Set([config.weights.embedding, config.weights.lmHead]);
  let total = 4 * maxModelLen * config.rope.rotaryDim;
  for (const { name, shape, bytes, packedAs } of tensors.values()) {
    const [rows, cols] = shape;
    if (shape.length !== 2) total += 4 * numElements(shape);
    else if (format !== null && !kept.has(name)) total += quantizedBytes(format, rows, cols);
    else if (packedAs !== undefined) total += quantizedBytes(packedAs, rows, cols);
    else total += rows * blocksPerRow(cols) * BLOCK_CODES * (bytes / (rows * cols));
  }
  return total;
}

function quantizedBytes(format: WeightFormat, rows: number, cols: number): number {
  const groups = groupsPerRow(format, cols);
  const scaleBits = format.scaleType === 'f32' ? 32 : 16;
  const zeroBits = format.zeroPoints ? format.bits : 0;
  return rows * (4 * blocksPerRow(cols) * format.bits + (groups * (scaleBits + zeroBits)) / 8);
}

/** Values in a tensor of this shape. */
export function numElements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
