import { CheckpointError } from '../errors.js';
import { floatBits } from '../ops/batch-layout.js';
import { fixedPoint } from '../ops/fixed-point.js';
import type { Ops, Rescale } from '../ops/ops.js';
import { scaleAt } from '../quant/affine.js';
import type { PackedRows } from '../quant/packed-rows.js';
import type { WeightFormat } from '../quant/weight.js';

/** A matrix whose product is rounded to codes of one step. */
export interface RescaledRows {
  /** For errors. */
  readonly name: string;
  readonly file: string;
  readonly rows: number;
  readonly outputStep: number;
}

export interface RescaleInputs {
  /** Matrices in the order of the rows. */
  readonly matrices: readonly RescaledRows[];
  /** Of the activations. */
  readonly inputStep: number;
  /** `[rows]` */
  readonly weightScales: Float32Array;
  /** `[rows]`; null where there is none. */
  readonly bias: Float32Array | null;
}

const COLUMNS = 4;

/** Whether a format's products can be rescaled by rows. */
export function hasRowScales({ groupSize, zeroPoints, scaleType }: WeightFormat): boolean {
  return groupSize === null && !zeroPoints && (scaleType === 'f32' || scaleType === 'f16');
}

/** Sources that leave the scale of each of their rows in `scales`, `[rows of all]`, as they are read. */
export function keepingScales(sources: readonly PackedRows[], scales: Float32Array): PackedRows[] {
  let first = 0;
  return sources.map((source) => {
    const at = first;
    first += source.rows;
    const read: PackedRows['read'] = async (start, count) => {
      const packed = await source.read(start, count);
      for (let row = 0; row < count; row++) scales[at + start + row] = scaleAt(packed, row);
      return packed;
    };
    return { ...source, read };
  });
}

/** What turns sums of codes into codes of outputs. Throws CheckpointError where an output's step is no greater than that of a sum. */
export function createRescale<B>(
  ops: Ops<B>,
  { matrices, inputStep, weightScales, bias }: RescaleInputs,
): Rescale<B> {
  const table = new Uint32Array(COLUMNS * weightScales.length);
  let row = 0;
  for (const { name, file, rows, outputStep } of matrices) {
    for (let n = 0; n < rows; n++, row++) {
      const sumStep = Math.fround(weightScales[row]) * inputStep;
      const entry = rowEntry(sumStep, outputStep, bias?.[row] ?? 0);
      if (entry === null)
        throw new CheckpointError(
          file,
          name,
          `row ${n}: a step of its outputs, ${outputStep}, is none of its sums, ${sumStep}`,
        );
      table.set(entry, COLUMNS * row);
    }
  }
  return {
    table: ops.constant(table, weightScales.length, COLUMNS),
    weightScales: ops.constant(weightScales, 1, weightScales.length),
  };
}

/** A row of zeros has sums of its bias alone: these are in steps of the output. Where a scale is negative, so is the step: its codes are mirrored. */
function rowEntry(sumStep: number, outputStep: number, bias: number): readonly number[] | null {
  const unit = sumStep === 0 ? outputStep / 2 : sumStep;
  if (!(Math.abs(unit) < outputStep)) return null;
  const { multiplier, shift } = fixedPoint(Math.abs(unit) / outputStep);
  return [multiplier, shift, biasWord(bias / unit), floatBits(Math.sign(unit) * outputStep)];
}

/** An i32 as a word; half of the range is left for the sum. */
function biasWord(value: number): number {
  const limit = 2 ** 30;
  return Math.max(-limit, Math.min(limit, Math.round(value))) >>> 0;
}
