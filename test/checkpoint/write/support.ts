import type { Test } from 'tap';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import type { FileActivations, FileFormat, MatrixSpec } from '#halflight/checkpoint/write/format.js';
import type { PackedWeight, WeightFormat } from '#halflight/quant/weight.js';
import { Random } from '../../support/random.js';
import { openWritten } from '../quantized/packers.js';

export function integers(
  bits: 2 | 3 | 4 | 8,
  groupSize: number | null,
  changes: Partial<WeightFormat> = {},
): WeightFormat {
  return { reader: `int${bits}`, bits, groupSize, scaleType: 'f16', zeroPoints: false, ...changes };
}

export function specOf(
  module: string,
  [rows, cols]: readonly [number, number],
  format: WeightFormat,
  activations: FileActivations = 'float',
): MatrixSpec {
  return { module, rows, cols, format, activations, actOrder: false, floatType: 'bf16' };
}

/** Random values in codes. */
export function coded({ rows, cols, format, module: name }: MatrixSpec, seed = 1): PackedWeight {
  const method = nearestMethod({ scales: { kind: 'extremes' }, weighted: false });
  const values = new Random(seed).values(rows * cols);
  return method.quantize({ name, values, rows, cols, format, stats: null }).packed;
}

/** Our own reader must give back the very codes, scales and zero points that were written. */
export async function readsBack(t: Test, file: FileFormat, specs: readonly MatrixSpec[]): Promise<void> {
  const weights = specs.map((spec, i) => coded(spec, i + 1));
  const tensors = specs.flatMap((spec, i) => file.pack(spec, weights[i], null));
  t.strictSame(
    tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    specs.flatMap((spec) => file.tensors(spec)),
    'the tensors are those that were planned',
  );
  const checkpoint = await openWritten(t, file.config(specs, ['lm_head']), tensors);
  for (const [i, { module }] of specs.entries()) {
    t.strictSame(await checkpoint.stored(`${module}.weight`), weights[i], module);
  }
}
