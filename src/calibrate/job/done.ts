import { openCheckpoint } from '../../checkpoint/checkpoint.js';
import { Fields } from '../../checkpoint/fields.js';
import { withQuantization } from '../../checkpoint/quantized/quantized.js';
import { packFloat } from '../../quant/pack.js';
import type { MatrixResult } from '../method.js';
import type { JobPlan, MatrixTask } from './plan.js';

/**
 * A matrix that an earlier run has written to an unfinished folder, as that run went on with it: to the same bits, so that what is made of it is the
 * same too.
 */
export async function readDone(
  dir: string,
  { quantizationConfig }: JobPlan,
  { spec, outputs }: MatrixTask,
): Promise<Pick<MatrixResult, 'packed' | 'groupIndex'>> {
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
