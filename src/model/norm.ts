import type { Tensor } from '../ops/ops.js';
import type { LayerOps, Norm } from './model.js';

/** `rows` of `x` and `out`; RMSNorm, or LayerNorm where there is a bias. */
export function applyNorm<B>(
  ops: LayerOps<B>,
  { weight, bias }: Norm<B>,
  call: { readonly x: Tensor<B>; readonly out: Tensor<B>; readonly rows: number; readonly eps: number },
): void {
  if (bias === null) ops.rmsNorm({ ...call, weight });
  else ops.layerNorm({ ...call, weight, bias });
}
