import { codeWords } from '../ops/int8.js';
import type { BatchBuffers, BatchCapacity, KvCache, Ops, Tensor } from '../ops/ops.js';
import type { ActivationType } from '../quant/formats.js';
import type { ModelConfig } from './config.js';
import type { Layer, Model } from './model.js';

/** Tensors between the operations of a step, of the largest batch's size. Only the residual stream is f32 in every case. */
export interface Activations<B> {
  readonly residual: Tensor<B>;
  readonly normed: Tensor<B>;
  readonly qkv: Tensor<B>;
  readonly q: Tensor<B>;
  readonly attended: Tensor<B>;
  readonly gateUp: Tensor<B>;
  readonly activated: Tensor<B>;
  /** Where the layers' products round their activations to INT8; null where they do not. */
  readonly codes: Tensor<B> | null;
  readonly lastResidual: Tensor<B>;
  readonly lastNormed: Tensor<B>;
  /** `[maxLogits + maxSampled][vocab]`: rows as the model gives them, then those edited before sampling. */
  readonly logits: Tensor<B>;
}

export function createActivations<B>(
  ops: Ops<B>,
  config: ModelConfig,
  maxTokens: number,
  { maxLogits, maxSampled }: Pick<BatchCapacity, 'maxLogits' | 'maxSampled'>,
  activations: ActivationType = 'float',
): Activations<B> {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, vocabSize } = config;
  const compute = (rows: number, cols: number) => ops.tensor(rows, cols, ops.computeType, 'activations');
  const wide = (rows: number, cols: number) => ops.tensor(rows, cols, 'f32', 'activations');
  const maxCodeWords = codeWords(Math.max(hiddenSize, intermediateSize, numHeads * headDim));
  return {
    residual: wide(maxTokens, hiddenSize),
    normed: compute(maxTokens, hiddenSize),
    qkv: compute(maxTokens, (numHeads + 2 * numKvHeads) * headDim),
    q: compute(maxTokens, numHeads * headDim),
    attended: compute(maxTokens, numHeads * headDim),
    gateUp: compute(maxTokens, 2 * intermediateSize),
    activated: compute(maxTokens, intermediateSize),
    codes: activations === 'int8' ? ops.tensor(maxTokens, maxCodeWords, 'u32', 'activations') : null,
    lastResidual: wide(maxLogits, hiddenSize),
    lastNormed: compute(maxLogits, hiddenSize),
    logits: wide(maxLogits + maxSampled, vocabSize),
  };
}

export interface Step<B> {
  readonly batch: BatchBuffers<B>;
  /** Results of the step before, for tokens that are pending. */
  readonly previous: Tensor<B>;
  /** Tokens computed, and rows of logits wanted of them. */
  readonly numTokens: number;
  readonly numLogits: number;
}

/** The transformer: hidden states of the step's tokens through all layers, then logits `[numLogits][vocab]` in `activations.logits`. */
export function forward<B>(
  ops: Ops<B>,
  model: Model<B>,
  caches: readonly KvCache<B>[],
  act: Activations<B>,
  step: Step<B>,
): void {
  const { batch, previous, numTokens: rows } = step;
  ops.embed({ batch, previous, table: model.embedding, out: act.residual, rows });
  model.layers.forEach((layer, i) => {
    attentionBlock(ops, model, layer, caches[i], act, step);
    mlpBlock(ops, model.config, layer, act, rows);
  });
  if (step.numLogits > 0) logitsOf(ops, model, act, step);
}

function attentionBlock<B>(
  ops: Ops<B>,
  model: Model<B>,
  layer: Layer<B>,
  cache: KvCache<B>,
  act: Activations<B>,
  step: Step<B>,
): void {
  const { normEps: eps, numHeads, headDim, rope } = model.config;
  const { batch, numTokens: rows } = step;
  const { codes } = act;
  const headNorm = layer.headNorms === null ? null : { weights: layer.headNorms, eps };
  const norm = { weight: layer.attentionNorm, eps, out: act.normed };
  ops.linear({ x: act.residual, ...layer.qkv, out: act.qkv, rows, accumulate: false, codes, norm });
  ops.ropeAndCache({
    batch,
    qkv: act.qkv,
    q: act.q,
    cache,
    rope: model.rope,
    rotaryDim: rope.rotaryDim,
    norm: headNorm,
    numHeads,
    rows,
  });
  const scale = 1 / Math.sqrt(headDim);
  ops.attention({ batch, q: act.q, cache, out: act.attended, numHeads, scale, window: layer.window, rows });
  ops.linear({ x: act.attended, ...layer.o, out: act.residual, rows, accumulate: true, codes });
}

function mlpBlock<B>(
  ops: Ops<B>,
  config: ModelConfig,
  layer: Layer<B>,
  act: Activations<B>,
  rows: number,
): void {
  const { codes } = act;
  const norm = { weight: layer.mlpNorm, eps: config.normEps, out: act.normed };
  const up = { x: act.residual, ...layer.gateUp, out: act.activated, gated: act.gateUp };
  ops.linear({ ...up, rows, accumulate: false, codes, norm });
  ops.linear({ x: act.activated, ...layer.down, out: act.residual, rows, accumulate: true, codes });
}

function logitsOf<B>(
  ops: Ops<B>,
  model: Model<B>,
  act: Activations<B>,
  { batch, numLogits: rows }: Step<B>,
): void {
  const eps = model.config.normEps;
  ops.gatherRows({ batch, x: act.residual, out: act.lastResidual, rows });
  ops.rmsNorm({ x: act.lastResidual, weight: model.finalNorm, out: act.lastNormed, rows, eps });
  ops.linear({
    x: act.lastNormed,
    weight: model.lmHead,
    bias: null,
    out: act.logits,
    rows,
    accumulate: false,
  });
}
