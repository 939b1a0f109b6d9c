import { codeWords } from '../ops/int8.js';
import type { BatchBuffers, BatchCapacity, KvCache, LoraMatrices, Ops, Tensor } from '../ops/ops.js';
import type { ActivationType } from '../quant/formats.js';
import type { ModelConfig } from './config.js';
import { createExpertActivations, type ExpertActivations, expertBlock } from './experts.js';
import { type ProductRows, productWithLora } from './lora-product.js';
import type { Layer, LayerLora, LayerOps, Linear, Model, Norm } from './model.js';
import { applyNorm } from './norm.js';

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
  /** Where the columns of activations are put into the order of a weight's; null where no weight has one of its own. */
  readonly ordered: Tensor<B> | null;
  /** What attention or MLP give, where that is normalised before it is added; null where it is not. */
  readonly projected: Tensor<B> | null;
  /** Of the layers with experts; null where there are none. */
  readonly experts: ExpertActivations<B> | null;
  /** The MLP's input, where attention does not come before it; null where it does. */
  readonly parallel: Tensor<B> | null;
  /** f32 room for the ranks of adapters; null where there are none. */
  readonly ranks: Tensor<B> | null;
  /** Of the rows whose logits are wanted, which alone go on past the last layer's attention. */
  readonly lastResidual: Tensor<B>;
  readonly lastAttended: Tensor<B>;
  readonly lastNormed: Tensor<B>;
  /** `[maxLogits + maxSampled][vocab]`: rows as the model gives them, then those edited before sampling. */
  readonly logits: Tensor<B>;
}

/** How products of the layers take their activations. */
export interface InputOptions {
  readonly type?: ActivationType;
  /** Whether some weight has columns in an order of its own. */
  readonly ordersColumns?: boolean;
  /** Ranks of the adapters of a product, of all its parts together; absent, 0: there are none. */
  readonly numRanks?: number;
}

export function createActivations<B>(
  ops: Ops<B>,
  config: ModelConfig,
  maxTokens: number,
  { maxLogits, maxSampled }: Pick<BatchCapacity, 'maxLogits' | 'maxSampled'>,
  { type = 'float', ordersColumns = false, numRanks = 0 }: InputOptions = {},
): Activations<B> {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, vocabSize, weights } = config;
  // Where every layer has experts, nothing is computed in the tensors of other layers.
  const mlpTokens = config.experts?.layers.every(Boolean) ? 1 : maxTokens;
  const compute = (rows: number, cols: number) => ops.tensor(rows, cols, ops.computeType, 'activations');
  const wide = (rows: number, cols: number) => ops.tensor(rows, cols, 'f32', 'activations');
  const maxInputs = Math.max(hiddenSize, intermediateSize, numHeads * headDim);
  return {
    residual: wide(maxTokens, hiddenSize),
    normed: compute(maxTokens, hiddenSize),
    qkv: compute(maxTokens, (numHeads + 2 * numKvHeads) * headDim),
    q: compute(maxTokens, numHeads * headDim),
    attended: compute(maxTokens, numHeads * headDim),
    gateUp: compute(mlpTokens, (weights.gate === null ? 1 : 2) * intermediateSize),
    activated: compute(mlpTokens, intermediateSize),
    codes: type === 'int8' ? ops.tensor(maxTokens, codeWords(maxInputs), 'u32', 'activations') : null,
    ordered: ordersColumns ? compute(Math.max(maxTokens, maxLogits), maxInputs) : null,
    projected:
      weights.attentionPostNorm === null && weights.mlpPostNorm === null ? null : wide(maxTokens, hiddenSize),
    experts: createExpertActivations(ops, config, maxTokens, type),
    parallel: config.parallelResidual ? compute(maxTokens, hiddenSize) : null,
    ranks: numRanks === 0 ? null : wide(maxTokens, numRanks),
    lastResidual: wide(maxLogits, hiddenSize),
    lastAttended: compute(maxLogits, numHeads * headDim),
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
  /** Whether some token has an adapter; absent, none has. */
  readonly hasAdapters?: boolean;
  /** Whether hidden states of all tokens are wanted; absent, none are. */
  readonly wantsHidden?: boolean;
}

/**
 * The transformer: hidden states of the step's tokens through all layers, then logits `[numLogits][vocab]` in `activations.logits`, and where they
 * are wanted the hidden states after the last norm, `[numTokens][hiddenSize]`, in `activations.normed`.
 */
export function forward<B>(
  ops: Ops<B>,
  model: Model<B>,
  caches: readonly KvCache<B>[],
  act: Activations<B>,
  step: Step<B>,
): void {
  const { batch, previous, numTokens: rows, numLogits, hasAdapters = false, wantsHidden = false } = step;
  const { embedding: table, positions, config, layers } = model;
  const scale = config.embeddingScale;
  ops.embed({ batch, previous, table, out: act.residual, rows, scale, positions });
  layers.forEach((layer, i) => {
    for (const weights of model.bring[i]) ops.bring(weights);
    const lora = hasAdapters ? (model.loras?.[i] ?? null) : null;
    if (i < layers.length - 1 || wantsHidden) layerForward(ops, config, layer, caches[i], act, step, lora);
    else lastLayer(ops, config, layer, caches[i], act, step, lora);
  });
  if (wantsHidden) hiddenStates(ops, model, act, step);
  if (numLogits > 0) logitsOf(ops, model, act, numLogits);
}

/** What `lastLayer` leaves out: past the last layer all tokens go on, and rows whose logits are wanted are taken from them. */
function hiddenStates<B>(
  ops: Ops<B>,
  { config, finalNorm }: Model<B>,
  { residual, normed, lastResidual }: Activations<B>,
  { batch, numTokens, numLogits }: Step<B>,
): void {
  normalize(ops, config, finalNorm, residual, normed, numTokens);
  if (numLogits > 0) ops.gatherRows({ batch, x: residual, out: lastResidual, rows: numLogits });
}

/** Takes the residual stream of the step's tokens through one layer. */
export function layerForward<B>(
  ops: LayerOps<B>,
  config: ModelConfig,
  layer: Layer<B>,
  cache: KvCache<B>,
  act: Activations<B>,
  step: Pick<Step<B>, 'batch' | 'numTokens'>,
  lora: LayerLora<B> | null = null,
): void {
  const { batch, numTokens: count } = step;
  const rows = { batch, count, of: 'tokens', room: act.ranks } as const;
  if (act.parallel !== null) normalize(ops, config, layer.mlpNorm, act.residual, act.parallel, count);
  attend(ops, config, layer, cache, act, rows, lora);
  afterAttention(ops, config, layer, act, rows, lora);
}

/** Every token's keys and values are written; past attention only the rows whose logits are wanted go on, in `lastResidual`. */
function lastLayer<B>(
  ops: Ops<B>,
  config: ModelConfig,
  layer: Layer<B>,
  cache: KvCache<B>,
  act: Activations<B>,
  { batch, numTokens, numLogits: rows }: Step<B>,
  lora: LayerLora<B> | null,
): void {
  const { lastResidual, lastAttended, ranks: room } = act;
  attend(ops, config, layer, cache, act, { batch, count: numTokens, of: 'tokens', room }, lora);
  if (rows === 0) return;
  ops.gatherRows({ batch, x: act.residual, out: lastResidual, rows });
  ops.gatherRows({ batch, x: act.attended, out: lastAttended, rows });
  if (act.parallel !== null) normalize(ops, config, layer.mlpNorm, lastResidual, act.parallel, rows);
  const last = { ...act, residual: lastResidual, attended: lastAttended };
  afterAttention(ops, config, layer, last, { batch, count: rows, of: 'logits', room }, lora);
}

/** What follows attention: its output product, then MLP or experts. */
function afterAttention<B>(
  ops: LayerOps<B>,
  config: ModelConfig,
  layer: Layer<B>,
  act: Activations<B>,
  rows: ProductRows<B>,
  lora: LayerLora<B> | null,
): void {
  const { o: by, attentionPostNorm: norm } = layer;
  addToResidual(ops, config, act, { x: act.attended, by, norm, lora: lora?.o ?? null }, rows);
  if (layer.router === null) mlpBlock(ops, config, layer, act, rows, lora);
  else expertBlock(ops, config, layer, expertTensors(act), rows.count);
}

function expertTensors<B>({ experts, ...act }: Activations<B>) {
  if (experts === null) throw new Error('a layer has experts, and no activations are made for them');
  return { ...act, experts };
}

/** Writes keys and values of the step's tokens, and what attention gives of them to `attended`. */
function attend<B>(
  ops: LayerOps<B>,
  config: ModelConfig,
  layer: Layer<B>,
  cache: KvCache<B>,
  act: Activations<B>,
  tokens: ProductRows<B>,
  lora: LayerLora<B> | null,
): void {
  const { normEps: eps, numHeads, attentionScale: scale, attentionSoftCap: softCap } = config;
  const { batch, count: rows } = tokens;
  const { codes, ordered, qkv, q } = act;
  const { rope, rotaryDim, window, sinks } = layer;
  const headNorm = layer.headNorms === null ? null : { weights: layer.headNorms, eps };
  const norm = normOf(layer.attentionNorm, eps, act.normed);
  const product = { x: act.residual, ...layer.qkv, out: qkv, accumulate: false, ordered, norm };
  productWithLora(ops, { ...product, codes: codesFor(layer.qkv, codes) }, lora?.qkv ?? null, tokens);
  const projected = { qkv, rope, rotaryDim, norm: headNorm };
  const heads = { batch, q, cache, numHeads, rows, projected };
  ops.attention({ ...heads, out: act.attended, scale, window, softCap, sinks });
}

function mlpBlock<B>(
  ops: LayerOps<B>,
  config: ModelConfig,
  layer: Layer<B>,
  act: Activations<B>,
  rows: ProductRows<B>,
  lora: LayerLora<B> | null,
): void {
  const { activation, normEps } = config;
  const { codes, ordered, parallel } = act;
  const norm = parallel === null ? normOf(layer.mlpNorm, normEps, act.normed) : null;
  const up = { x: parallel ?? act.residual, ...layer.gateUp, out: act.activated, gated: act.gateUp, ordered };
  const product = { ...up, activation, accumulate: false, codes: codesFor(layer.gateUp, codes), norm };
  productWithLora(ops, product, lora?.gateUp ?? null, rows);
  const { down: by, mlpPostNorm } = layer;
  addToResidual(
    ops,
    config,
    act,
    { x: act.activated, by, norm: mlpPostNorm, lora: lora?.down ?? null },
    rows,
  );
}

/** residual += residualScale · (norm of) the product. */
function addToResidual<B>(
  ops: LayerOps<B>,
  { normEps: eps, residualScale: scale }: ModelConfig,
  { residual, projected, ordered, codes: room }: Activations<B>,
  { x, by, norm, lora }: { x: Tensor<B>; by: Linear<B>; norm: Norm<B> | null; lora: LoraMatrices<B> | null },
  rows: ProductRows<B>,
): void {
  const codes = codesFor(by, room);
  if (norm === null || projected === null) {
    productWithLora(ops, { x, ...by, out: residual, accumulate: true, codes, ordered, scale }, lora, rows);
    return;
  }
  productWithLora(ops, { x, ...by, out: projected, accumulate: false, codes, ordered }, lora, rows);
  ops.rmsNorm({ x: projected, weight: norm.weight, out: residual, rows: rows.count, eps, scale });
}

/** Where activations are rounded to INT8 for a product; null where they stay floats. */
export function codesFor<B>({ rounding }: Linear<B>, codes: Tensor<B> | null): Tensor<B> | null {
  return rounding === null ? null : codes;
}

function normOf<B>(norm: Norm<B> | null, eps: number, out: Tensor<B>) {
  return norm === null ? null : { ...norm, eps, out };
}

/** RMSNorm, or LayerNorm where there is a bias. */
export function normalize<B>(
  ops: LayerOps<B>,
  { normEps: eps }: ModelConfig,
  norm: Norm<B> | null,
  x: Tensor<B>,
  out: Tensor<B>,
  rows: number,
): void {
  if (norm === null) throw new Error('a norm that the layer needs is missing');
  applyNorm(ops, norm, { x, out, rows, eps });
}

function logitsOf<B>(
  ops: Ops<B>,
  { config, finalNorm, lmHead: weight }: Model<B>,
  act: Activations<B>,
  rows: number,
): void {
  const { logitsScale: scale, logitsSoftCap: cap } = config;
  normalize(ops, config, finalNorm, act.lastResidual, act.lastNormed, rows);
  const { lastNormed: x, logits: out, ordered } = act;
  ops.linear({ x, weight, bias: null, out, rows, accumulate: false, ordered, scale });
  if (cap !== null) ops.softCap({ x: act.logits, rows, cap });
}
