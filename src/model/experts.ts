import { codeWords } from '../ops/int8.js';
import type { Ops, Routing, Tensor } from '../ops/ops.js';
import type { ActivationType } from '../quant/formats.js';
import type { ModelConfig } from './config.js';
import type { Layer, LayerOps } from './model.js';
import { applyNorm } from './norm.js';

/** Tensors of the layers with experts. Rows are those of tokens, or of routes: topK for each token. */
export interface ExpertActivations<B> {
  /** `[tokens][experts]` in f32. */
  readonly logits: Tensor<B>;
  readonly routing: Routing<B>;
  /** Of routes: room for products before they are gated, after that, and what is added to the residual stream, in f32. */
  readonly gateUp: Tensor<B>;
  readonly activated: Tensor<B>;
  readonly outputs: Tensor<B>;
  /** Of routes, where products round their activations to INT8; null where they do not. */
  readonly codes: Tensor<B> | null;
}

/** Null for a model without experts. */
export function createExpertActivations<B>(
  ops: Ops<B>,
  { experts, hiddenSize }: ModelConfig,
  maxTokens: number,
  type: ActivationType,
): ExpertActivations<B> | null {
  if (experts === null) return null;
  const { numExperts, topK, intermediateSize } = experts;
  const maxRoutes = maxTokens * topK;
  const compute = (cols: number) => ops.tensor(maxRoutes, cols, ops.computeType, 'activations');
  const maxWords = codeWords(Math.max(hiddenSize, intermediateSize));
  return {
    logits: ops.tensor(maxTokens, numExperts, 'f32', 'activations'),
    routing: ops.routing({ maxTokens, numExperts, topK }),
    gateUp: compute(2 * intermediateSize),
    activated: compute(intermediateSize),
    outputs: ops.tensor(maxRoutes, hiddenSize, 'f32', 'activations'),
    codes: type === 'int8' ? ops.tensor(maxRoutes, maxWords, 'u32', 'activations') : null,
  };
}

interface BlockTensors<B> {
  readonly residual: Tensor<B>;
  readonly normed: Tensor<B>;
  /** Room for the router's activations where its columns are in an order of their own. */
  readonly ordered: Tensor<B> | null;
  readonly experts: ExpertActivations<B>;
}

/** residual += residualScale · Σ weight · expert(norm of the residual) over the experts that each token's router chooses. */
export function expertBlock<B>(
  ops: LayerOps<B>,
  config: ModelConfig,
  { mlpNorm, router, gateUp, down }: Layer<B>,
  { residual, normed: x, ordered, experts: act }: BlockTensors<B>,
  rows: number,
): void {
  const { experts, normEps: eps, activation, residualScale: scale } = config;
  if (router === null || mlpNorm === null || experts === null) throw new Error('no layer with experts');
  const { logits, routing, activated, outputs } = act;
  const codes = roundsFor({ gateUp, down }) ? act.codes : null;
  const call = { rows, accumulate: false } as const;
  applyNorm(ops, mlpNorm, { x: residual, out: x, rows, eps });
  ops.linear({ ...call, x, ...router, out: logits, ordered });
  const activations = codes === null ? 'float' : 'int8';
  ops.route({ logits, routing, rows, normalized: experts.normalized, activations });
  const gates = { gated: act.gateUp, activation, experts: { routing, of: 'tokens' } } as const;
  ops.linear({ ...call, x, ...gateUp, out: activated, codes, ...gates });
  ops.linear({ ...call, x: activated, ...down, out: outputs, codes, experts: { routing, of: 'routes' } });
  ops.addExperts({ x: outputs, routing, out: residual, rows, scale });
}

/** Whether INT8 activations can meet both products, which share the order of routes. */
export function roundsFor<B>({ gateUp, down }: Pick<Layer<B>, 'gateUp' | 'down'>): boolean {
  return gateUp.rounding !== null && down.rounding !== null;
}
