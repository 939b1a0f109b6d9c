import { BY_BLOCK } from '../quant/rounding.js';
import { rescaled } from './fixed-point.js';
import { int8Codes, roundedRow } from './int8.js';
import type { OpArgs } from './ops.js';

type Args = OpArgs<Float64Array, 'linear'>;

/** A row of the product: the row of x, and the first of the rows of W and of the bias. */
interface ProductRow {
  readonly from: number;
  readonly first: number;
}

/** `linear` without norm and gates, in f64. */
export function product(args: Args): void {
  const { x, weight, out, rows, accumulate, scale = 1, experts = null } = args;
  const numRows = rows * (experts?.routing.topK ?? 1);
  const outputs = weight.rows / (experts?.routing.numExperts ?? 1);
  for (let r = 0; r < numRows; r++) {
    const { from, first } = productRow(args, r, outputs);
    const outputOf = rowOutputs(args, x.data.subarray(from * x.stride, from * x.stride + weight.cols));
    for (let n = 0; n < outputs; n++) {
      const at = r * out.stride + n;
      out.data[at] = (accumulate ? out.data[at] : 0) + scale * outputOf(first + n);
    }
  }
}

/** The output of a row of W and of the bias for a row of x. */
function rowOutputs(args: Args, given: Float64Array): (n: number) => number {
  const { weight, bias, codes = null, rounding, rescale = null } = args;
  if (rescale !== null) return integerOutputs(args, rescale, given);
  const row = codes === null ? given : roundedRow(given, rounding ?? BY_BLOCK);
  return (n) => {
    const matrixRow = weight.parts[0].codes.subarray(n * weight.cols);
    let sum = bias?.data[n] ?? 0;
    for (let k = 0; k < weight.cols; k++) sum += row[k] * matrixRow[k];
    return sum;
  };
}

/** As `rowOutputs` in integers: codes of W are what its values are in units of their row's scale, exactly. */
function integerOutputs(
  { weight, rounding }: Args,
  { table, weightScales }: NonNullable<Args['rescale']>,
  given: Float64Array,
): (n: number) => number {
  if (typeof rounding?.scale !== 'number') throw new RangeError('integers alone need a static scale');
  const row = int8Codes(given, Math.fround(rounding.scale));
  return (n) => {
    const matrixRow = weight.parts[0].codes.subarray(n * weight.cols);
    const unit = weightScales.data[n];
    const [multiplier, shift, bias, step] = table.data.subarray(n * table.stride, n * table.stride + 4);
    let sum = bias | 0;
    for (let k = 0; k < weight.cols; k++)
      sum = (sum + row[k] * (unit === 0 ? 0 : Math.round(matrixRow[k] / unit))) | 0;
    return rescaled(sum, { multiplier, shift }) * floatOf(step);
  };
}

/** The f32 of 32 bits. */
function floatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0];
}

function productRow({ experts = null }: Args, r: number, outputs: number): ProductRow {
  if (experts === null) return { from: r, first: 0 };
  const { routing, of } = experts;
  const token = Math.floor(r / routing.topK);
  const expert = routing.experts.data[token * routing.experts.stride + (r % routing.topK)];
  return { from: of === 'tokens' ? token : r, first: expert * outputs };
}
