import type { HostWeights, LoraMatrices, Ops, Rescale, Tensor, Weight } from '../ops/ops.js';
import type { Rounding } from '../quant/rounding.js';
import type { ModelConfig } from './config.js';
import type { WeightSample } from './samples.js';

/** The operations of a layer. */
export type LayerOps<B> = Pick<
  Ops<B>,
  'linear' | 'attention' | 'rmsNorm' | 'layerNorm' | 'route' | 'addExperts' | 'addLora' | 'activate'
>;

/** A model on a device. */
export interface Model<B> {
  readonly config: ModelConfig;
  /** `[vocab][hidden]`. */
  readonly embedding: Weight<B>;
  /** `[positions][hidden]`, added to the embeddings. */
  readonly positions: Weight<B> | null;
  readonly layers: readonly Layer<B>[];
  /** Weights in host memory that must be brought to the device before each layer. */
  readonly bring: readonly (readonly HostWeights<B>[])[];
  readonly finalNorm: Norm<B>;
  /** `[vocab][hidden]`; the embedding itself where the two are tied. */
  readonly lmHead: Weight<B>;
  /** Of each layer; null where the model has no adapters. */
  readonly loras: readonly LayerLora<B>[] | null;
  /** What the host has seen of every weight. */
  readonly samples: ReadonlyMap<Weight<B>, WeightSample>;
}

/** Its weight, and for LayerNorm its bias. */
export interface Norm<B> {
  readonly weight: Tensor<B>;
  readonly bias: Tensor<B> | null;
}

export interface Layer<B> {
  readonly attentionNorm: Norm<B> | null;
  readonly attentionPostNorm: Norm<B> | null;
  /** Rows of q, then k, then v. */
  readonly qkv: Linear<B>;
  /** `[positions][rotaryDim]`: cosines, then sines. */
  readonly rope: Tensor<B>;
  readonly rotaryDim: number;
  /** `[2][headDim]`: norm of the heads of q, then of k; or `[heads + kvHeads][headDim]`: of all of q, then of all of k. */
  readonly headNorms: Tensor<B> | null;
  readonly o: Linear<B>;
  readonly mlpNorm: Norm<B> | null;
  readonly mlpPostNorm: Norm<B> | null;
  /** Scores that attention weighs beside those of the context, `[heads]`. */
  readonly sinks: Tensor<B> | null;
  /** Rows of logits of the experts; null where the layer has no experts. */
  readonly router: Linear<B> | null;
  /** Rows of gate, where there are gates, then up. With a router those of each expert, one after another, here and in `down`. */
  readonly gateUp: Linear<B>;
  readonly down: Linear<B>;
  /** Positions that a token sees, itself included; null sees all. */
  readonly window: number | null;
}

/** What the adapters add to the products of a layer; null where none does. */
export type LayerLora<B> = Readonly<Record<'qkv' | 'o' | 'gateUp' | 'down', LoraMatrices<B> | null>>;

export interface Linear<B> {
  readonly weight: Weight<B>;
  readonly bias: Tensor<B> | null;
  /**
   * How its activations are rounded to INT8; null where they stay floats, as they do where its codes are no integers with columns in their own order.
   */
  readonly rounding: Rounding | null;
  /** Where its products are in integers alone; null where they are not. */
  readonly rescale: Rescale<B> | null;
}
