import type { BatchBuffers, LoraMatrices, OpArgs, Tensor } from '../ops/ops.js';
import type { LayerOps } from './model.js';
import { applyNorm } from './norm.js';

/** The rows that a product computes, and what the adapters of their tokens add to it. */
export interface ProductRows<B> {
  readonly batch: BatchBuffers<B>;
  readonly count: number;
  readonly of: 'tokens' | 'logits';
  /** f32 room for the ranks; null where there are no adapters. */
  readonly room: Tensor<B> | null;
}

/** A product of a layer, with its adapters' part where there is one: then norm and gates are operations of their own, between which it is added. */
export function productWithLora<B>(
  ops: LayerOps<B>,
  args: Omit<OpArgs<B, 'linear'>, 'rows'>,
  lora: LoraMatrices<B> | null,
  { batch, count: rows, of, room }: ProductRows<B>,
): void {
  if (lora === null || room === null) {
    ops.linear({ ...args, rows });
    return;
  }
  const { gated = null, activation = 'silu', scale = 1 } = args;
  const x = normalized(ops, args, rows);
  const out = gated ?? args.out;
  ops.linear({ ...args, x, norm: null, out, gated: null, rows });
  ops.addLora({ batch, x, lora, room, out, rows, of, scale });
  if (gated !== null) ops.activate({ x: gated, out: args.out, rows, activation });
}

function normalized<B>(
  ops: LayerOps<B>,
  { x, norm = null }: Pick<OpArgs<B, 'linear'>, 'x' | 'norm'>,
  rows: number,
): Tensor<B> {
  if (norm === null) return x;
  const { weight, bias = null, eps, out } = norm;
  applyNorm(ops, { weight, bias }, { x, out, rows, eps });
  return out;
}
