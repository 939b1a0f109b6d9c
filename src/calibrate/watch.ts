import type { LayerOps } from '../model/model.js';
import type { OpArgs, Ops, Tensor, Weight } from '../ops/ops.js';

export interface Watch<B> {
  /** Runs a layer up to the product with the weight that is watched, and nothing after that. */
  readonly ops: LayerOps<B>;
  /** What the weight would have been multiplied with, normalised; null where no product came to it. */
  readonly input: () => Tensor<B> | null;
}

/** Watches for the product with a weight. */
export function watchInput<B>(ops: Ops<B>, weight: Weight<B>): Watch<B> {
  let input: Tensor<B> | null = null;
  const untilThen =
    <A>(op: (args: A) => void) =>
    (args: A) => {
      if (input === null) op(args);
    };
  return {
    input: () => input,
    ops: {
      linear: untilThen((args) => {
        if (args.weight === weight) input = normalized(ops, args);
        else ops.linear(args);
      }),
      attention: untilThen((args) => ops.attention(args)),
      rmsNorm: untilThen((args) => ops.rmsNorm(args)),
      layerNorm: untilThen((args) => ops.layerNorm(args)),
      route: untilThen((args) => ops.route(args)),
      addExperts: untilThen((args) => ops.addExperts(args)),
      addLora: untilThen((args) => ops.addLora(args)),
      activate: untilThen((args) => ops.activate(args)),
    },
  };
}

/** The product's operand: its x, or that through the norm that comes with the product, in a dispatch of its own. */
function normalized<B>(ops: Ops<B>, { x, norm, rows }: OpArgs<B, 'linear'>): Tensor<B> {
  if (!norm) return x;
  const { weight, bias, eps, out } = norm;
  if (bias) ops.layerNorm({ x, weight, bias, out, rows, eps });
  else ops.rmsNorm({ x, weight, out, rows, eps });
  return out;
}
