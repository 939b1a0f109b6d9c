import type { WeightFormat } from '../quant/weight.js';
import type { BatchCapacity } from './batch.js';

/** What the operations of `Ops` read and write. */

export interface StepReading {
  /** `[rows][cols]` */
  readonly words: Uint32Array<ArrayBuffer>;
  /** Time that the device took for the submitted work, ms; null where it cannot tell. */
  readonly gpuMs: number | null;
}

export type ElementType = 'f32' | 'f16' | 'u32';
/**
 * silu(v) = v / (1 + exp(−v)); gelu(v) = v · Φ(v); gelu_tanh is its approximation by tanh (Hendrycks & Gimpel, arXiv 1606.08415).
 * clamped_swish(v) = c / (1 + exp(−1.702 · c)) with c = min(v, 7), and what it gates is clamped to ±7 and one is added (gpt-oss).
 */
export type Activation = 'silu' | 'gelu' | 'gelu_tanh' | 'clamped_swish';
export type MemoryKind = 'weights' | 'kv_cache' | 'activations';

export interface Tensor<B> {
  readonly data: B;
  readonly rows: number;
  readonly cols: number;
  /** Elements from one row to the next: cols rounded up to 32. */
  readonly stride: number;
  readonly type: ElementType;
}

/** Columns rounded up to the padding of a row. */
export function rowStride(cols: number): number {
  return Math.ceil(cols / 32) * 32;
}

export interface Weight<B> {
  readonly rows: number;
  readonly cols: number;
  readonly parts: readonly WeightPart<B>[];
  /** What must be brought to the device before this is read; absent where it is there. */
  readonly host?: HostWeights<B>;
}

/**
 * A product in integers alone (Jacob et al., arXiv 1712.05877): out[t][n] = step[n] · rescaled(Σ_k code of x · code of W + bias[n]), summed in 32 bits,
 * `fixed-point.ts` says how it is rescaled. For static scales of x, and weights with a scale for each row and no zero points.
 */
export interface Rescale<B> {
  /** `[rows][4]` u32: multiplier, shift, bias in units of the sum as i32, and the bits of the f32 step of an output's codes. */
  readonly table: Tensor<B>;
  /** `[1][rows]` f32 scales of W's rows. */
  readonly weightScales: Tensor<B>;
}

/** One fills while the other is read. */
export type HostArea = 0 | 1;

/** Weights that lie in host memory. */
export interface HostWeights<B> {
  readonly bytes: number;
  readonly copies: readonly { readonly from: B; readonly to: B; readonly bytes: number }[];
}

export interface WeightPart<B> {
  readonly format: WeightFormat;
  /** Rows `rowStart … rowStart + rows − 1` of the whole weight. */
  readonly rowStart: number;
  readonly rows: number;
  readonly cols: number;
  readonly codes: B;
  readonly scales: B | null;
  /** Zero points; for formats with a table, that. */
  readonly zeros: B | null;
  /** `[cols]` for each column of codes the column of x that it multiplies, as u32; absent where it is the same. */
  readonly columns?: B;
}

export interface RoutingShape {
  readonly maxTokens: number;
  readonly numExperts: number;
  /** Experts of a token. */
  readonly topK: number;
}

/** The experts of each token of a step, as `route` chose them. */
export interface Routing<B> extends RoutingShape {
  /** `[tokens][topK]`, likeliest first: u32 ids, and f32 weights. */
  readonly experts: Tensor<B>;
  readonly weights: Tensor<B>;
  /** The order in which the products take routes; only its backend looks inside. */
  readonly order: B;
}

/**
 * The low-rank factors of a stack of matrices, of all adapters (Hu et al., arXiv 2106.09685): ΔW = B·A for each of the stack's parts. Parts without
 * factors in an adapter, and ranks that another's are above, are zeros.
 */
export interface LoraMatrices<B> {
  /** f32 `[adapters · parts · rank][cols]` */
  readonly a: Tensor<B>;
  /** f32 `[adapters · rows][rank]`, with the adapter's scale in it. */
  readonly b: Tensor<B>;
  readonly rank: number;
  /** Where each part's outputs end, at most 3 of them. */
  readonly ends: readonly number[];
}

/** The device's copy of a batch; only its backend looks inside. */
export interface BatchBuffers<B> {
  readonly capacity: BatchCapacity;
  /** The host's side, laid out as `batch-layout.ts` says. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly data: B;
  /** The logits' edits (`edits-layout.ts`). They have no bound worth reserving, so the backend replaces their buffer by a larger one when it must. */
  edits: { readonly words: Uint32Array<ArrayBuffer>; readonly data: B };
}
