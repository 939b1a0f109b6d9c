import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, readTensor } from '../../checkpoint/checkpoint.js';
import { Fields } from '../../checkpoint/fields.js';
import { packBlocks } from '../../checkpoint/gguf/repack.js';
import { isBlockType } from '../../checkpoint/gguf/types.js';
import { withQuantization } from '../../checkpoint/quantized/quantized.js';
import type { MatrixSpec } from '../../checkpoint/write/format.js';
import type { ShardPlan } from '../../checkpoint/write/shards.js';
import { packFloat } from '../../quant/pack.js';
import type { MatrixResult } from '../method.js';
import type { JobPlan, MatrixTask } from './plan.js';
import type { OutputTensor } from './sizes.js';

/**
 * A matrix that an earlier run has written to an unfinished folder, as that run went on with it: to the same bits, so that what is made of it is the
 * same too.
 */
export async function readDone(
  dir: string,
  { quantizationConfig, shards }: JobPlan,
  { spec, outputs }: MatrixTask,
): Promise<Pick<MatrixResult, 'packed' | 'groupIndex'>> {
  if (quantizationConfig === null) return readBlocks(dir, shards, spec, outputs[0]);
  const whole = await openCheckpoint(dir);
  try {
    // Others may not be there yet.
    const names = new Set(outputs.map(({ name }) => name));
    const tensors = new Map([...whole.tensors].filter(([name]) => names.has(name)));
    const config = Fields.from(quantizationConfig, dir, 'quantization_config');
    const checkpoint = await withQuantization({ ...whole, tensors }, config);
    const name = `${spec.module}.weight`;
    const stored = await checkpoint.stored(name);
    if (stored === null) throw new Error(`${name}: written in codes, but not read in them`);
    const isOrdered = stored.columns === undefined && stored.format.scaleType !== null;
    const packed = isOrdered
      ? { ...stored, format: spec.format }
      : packFloat(await checkpoint.readF32(name), 'f32', spec.rows, spec.cols);
    return { packed, groupIndex: null };
  } finally {
    await whole.close();
  }
}

/** The matrix of a GGUF file, in the order of its rows. */
async function readBlocks(
  dir: string,
  { files: [file] }: ShardPlan,
  { rows, cols }: MatrixSpec,
  { name, dtype }: OutputTensor,
): Promise<Pick<MatrixResult, 'packed' | 'groupIndex'>> {
  const place = file.layout.tensors.find(({ tensor }) => tensor.name === name);
  if (place === undefined || !isBlockType(dtype)) throw new RangeError(`${name} is not in the plan in codes`);
  const handle = await open(join(dir, file.name), 'r');
  try {
    const info = {
      name,
      dtype,
      shape: [rows, cols],
      file: file.name,
      offset: place.position,
      bytes: place.bytes,
    };
    return { packed: packBlocks(dtype, await readTensor(handle, info), rows, cols), groupIndex: null };
  } finally {
    await handle.close();
  }
}
