import { roundedRow } from './int8.js';
import type { OpArgs } from './ops.js';

type Args = OpArgs<Float64Array, 'linear'>;

/** A row of the product: the row of x, and the first of the rows of W and of the bias. */
interface ProductRow {
  readonly from: number;
  readonly first: number;
}

/** `linear` without norm and gates, in f64. */
export function product(args: Args): void {
  const { x, weight, bias, out, rows, accumulate, codes = null, scale = 1, experts = null } = args;
  const numRows = rows * (experts?.routing.topK ?? 1);
  const outputs = weight.rows / (experts?.routing.numExperts ?? 1);
  for (let r = 0; r < numRows; r++) {
    const { from, first } = productRow(args, r, outputs);
    const given = x.data.subarray(from * x.stride, from * x.stride + weight.cols);
    const row = codes === null ? given : roundedRow(given);
    for (let n = 0; n < outputs; n++) {
      const matrixRow = weight.parts[0].codes.subarray((first + n) * weight.cols);
      let sum = bias?.data[first + n] ?? 0;
      for (let k = 0; k < weight.cols; k++) sum += row[k] * matrixRow[k];
      const at = r * out.stride + n;
      out.data[at] = (accumulate ? out.data[at] : 0) + scale * sum;
    }
  }
}

function productRow({ experts = null }: Args, r: number, outputs: number): ProductRow {
  if (experts === null) return { from: r, first: 0 };
  const { routing, of } = experts;
  const token = Math.floor(r / routing.topK);
  const expert = routing.experts.data[token * routing.experts.stride + (r % routing.topK)];
  return { from: of === 'tokens' ? token : r, first: expert * outputs };
}
