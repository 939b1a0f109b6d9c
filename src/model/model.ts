import type { Tensor, Weight } from '../ops/ops.js';
import type { ModelConfig } from './config.js';

/** A model on a device. */
export interface Model<B> {
  readonly config: ModelConfig;
  /** `[vocab][hidden]`. */
  readonly embedding: Weight<B>;
  readonly layers: readonly Layer<B>[];
  readonly finalNorm: Tensor<B>;
  /** `[vocab][hidden]`; the embedding itself where the two are tied. */
  readonly lmHead: Weight<B>;
  /** `[positions][rotaryDim]`: cosines, then sines. */
  readonly rope: Tensor<B>;
}

export interface Layer<B> {
  readonly attentionNorm: Tensor<B>;
  /** Rows of q, then k, then v. */
  readonly qkv: Linear<B>;
  /** `[2][headDim]`: norm of the heads of q, then of k. */
  readonly headNorms: Tensor<B> | null;
  readonly o: Linear<B>;
  readonly mlpNorm: Tensor<B>;
  /** Rows of gate, then up. */
  readonly gateUp: Linear<B>;
  readonly down: Linear<B>;
  /** Positions that a token sees, itself included; null sees all. */
  readonly window: number | null;
}

export interface Linear<B> {
  readonly weight: Weight<B>;
  readonly bias: Tensor<B> | null;
}
