import type { ActivationType } from '../quant/formats.js';
import type { PackedRows } from '../quant/packed-rows.js';
import type { Rounding } from '../quant/rounding.js';
import type { PackedWeight } from '../quant/weight.js';
import type { Batch, BatchCapacity } from './batch.js';
import type { KvCache, KvCacheShape } from './kv-layout.js';
import type {
  Activation,
  BatchBuffers,
  ElementType,
  HostArea,
  HostWeights,
  LoraMatrices,
  MemoryKind,
  Rescale,
  Routing,
  RoutingShape,
  StepReading,
  Tensor,
  Weight,
} from './operands.js';

export type {
  Batch,
  BatchCapacity,
  LogitsEdits,
  SamplingRow,
  ScoringRow,
  TokenBias,
  TokenCount,
} from './batch.js';
export { BANNED, pendingRow, pendingToken } from './batch.js';
export type { KvCache, KvCacheShape, KvType } from './kv-layout.js';
export type {
  Activation,
  BatchBuffers,
  ElementType,
  HostArea,
  HostWeights,
  LoraMatrices,
  MemoryKind,
  Rescale,
  Routing,
  RoutingShape,
  StepReading,
  Tensor,
  Weight,
  WeightPart,
} from './operands.js';
export { rowStride } from './operands.js';

/**
 * The operations of a transformer, implemented twice: `cpu.ts` in f64, naive and obviously right, and `webgpu/ops.ts`.
 * `B` is the backend's buffer: a typed array or a GPUBuffer. Operations are enqueued in order; `read` waits for them.
 * A tensor's row is padded to a multiple of 32 columns; padding is zero and no operation writes it.
 */
export interface Ops<B> {
  /** Type of activations; sums are f32 or wider in every case. */
  readonly computeType: 'f32' | 'f16';
  /** Numbers of tokens from which on products take a kernel of their own, or tiles of another size; ascending, none where nothing changes. */
  readonly gemmSteps: readonly number[];

  /** A zero-filled `[rows][cols]`, alive as long as the backend. `kind` counts it in the memory ledger. */
  tensor(rows: number, cols: number, type: ElementType, kind: MemoryKind): Tensor<B>;
  /**
   * Uploads weights stacked by rows. Parts may differ in format, and are split where the backend cannot bind one whole.
   * @param unit rows that stay together where so many fit: those of an expert. Absent, 1
   */
  weight(parts: readonly PackedWeight[], unit?: number): Weight<B>;
  /** As `weight`, of rows that are asked for a few MiB at a time, and no faster than they leave the host. Rejects as they do. */
  loadWeight(parts: readonly PackedRows[], unit?: number): Promise<Weight<B>>;
  /** Frees a weight on the device. All that was enqueued with it must have been read or submitted; nothing may take it from then on. */
  unload(weight: Weight<B>): void;
  /**
   * What `load` loads by `loadWeight` stays in host memory. On the device it has room that it shares with all else of its area, and `bring` must
   * have been called for it last when operations read it. One call at a time. Only constants that are loaded meanwhile are on the device for good.
   */
  inHost<T>(
    area: HostArea,
    load: () => Promise<T>,
  ): Promise<{ readonly loaded: T; readonly host: HostWeights<B> }>;
  /** Copies weights from host memory to the device, behind what was enqueued before. */
  bring(weights: HostWeights<B>): void;
  /** Uploads a vector or table of f32 or u32, row-major `[rows][cols]`. */
  constant(values: Float32Array | Uint32Array, rows: number, cols: number): Tensor<B>;
  /** Zeroed caches of one layer. */
  kvCache(shape: KvCacheShape): KvCache<B>;
  /** Room for the experts that a step's tokens go to. */
  routing(shape: RoutingShape): Routing<B>;
  /** Numbers of tokens, up to the shape's, from which on products of experts take kernels of their own. */
  expertSteps(shape: RoutingShape, activations: ActivationType): readonly number[];
  /** Room for the largest batch. */
  batch(capacity: BatchCapacity): BatchBuffers<B>;

  /** Sets the first rows of a tensor from `[rows][cols]` values, rounded to its type. */
  write(target: Tensor<B>, values: Float32Array): void;
  /** Puts a step's arrays where the kernels read them. */
  writeBatch(target: BatchBuffers<B>, batch: Batch): void;

  /**
   * out[t] = scale · table[id] + positions[p], as f32 or the compute type of `out`, p the token's position, without `positions` where absent; id is tokenIds[t], or where that is `pendingToken(row)`, what was sampled
   * into that row of `previous`: results of the step before, which the host may not have read yet.
   */
  embed(args: {
    batch: BatchBuffers<B>;
    previous: Tensor<B>;
    table: Weight<B>;
    out: Tensor<B>;
    rows: number;
    /** Absent, 1. */
    scale?: number;
    positions?: Weight<B> | null;
  }): void;
  /** out[t] = x[t] / sqrt(mean(x[t]²) + eps) · weight, mean and product in f32 or wider; `scale` times that is added to what `out` holds where given. */
  rmsNorm(args: {
    x: Tensor<B>;
    weight: Tensor<B>;
    out: Tensor<B>;
    rows: number;
    eps: number;
    scale?: number | null;
  }): void;
  /** out[t] = (x[t] − mean(x[t])) / sqrt(variance(x[t]) + eps) · weight + bias, in f32 or wider (Ba et al., arXiv 1607.06450). */
  layerNorm(args: {
    x: Tensor<B>;
    weight: Tensor<B>;
    bias: Tensor<B>;
    out: Tensor<B>;
    rows: number;
    eps: number;
  }): void;
  /**
   * out[t][n] = scale · (Σ_k x[t][k] · W[n][k] + bias[n]), added to what `out` holds where `accumulate`; `scale` is 1 where absent.
   * Where `codes` is given, rows of x are first rounded to INT8 (`int8.ts`) into it as `rounding` says, by blocks where absent, and the products
   * are of integers; outliers are multiplied as floats, and added. `codes` is u32 with at least `codeWords(x.cols)` columns, and W of integers.
   * Throws RangeError where it holds floats. Where `rescale` is given too, out[t][n] is rounded to INT8 in integers (`Rescale`), before `scale`.
   * Where `norm` is given, it is the rows of x after `rmsNorm`, or with a bias `layerNorm`, that are multiplied. Where `gated` is given, the
   * product goes through `activate` with `activation` (silu where absent) to `out`. Both are done on the way where the backend can; `norm.out` and `gated` are room for what it cannot.
   * `ordered` is room for x where columns of W are in an order of their own: of its type, and as wide. There are no such columns with `codes` or `experts`.
   * Where `experts` is given, W and bias hold those of all experts one after another, [numExperts · n][k], and out has a row for each route
   * r = t · topK + j of the `rows` tokens: the product of row t of x, or row r where x has rows `of` routes, with the matrix of the expert that
   * token t chose as its jth. Nothing is normalised or accumulated then.
   */
  linear(args: {
    x: Tensor<B>;
    weight: Weight<B>;
    bias: Tensor<B> | null;
    out: Tensor<B>;
    rows: number;
    accumulate: boolean;
    codes?: Tensor<B> | null;
    rounding?: Rounding | null;
    rescale?: Rescale<B> | null;
    ordered?: Tensor<B> | null;
    scale?: number;
    norm?: {
      readonly weight: Tensor<B>;
      readonly bias?: Tensor<B> | null;
      readonly eps: number;
      readonly out: Tensor<B>;
    } | null;
    gated?: Tensor<B> | null;
    activation?: Activation;
    experts?: { readonly routing: Routing<B>; readonly of: 'tokens' | 'routes' } | null;
  }): void;
  /**
   * Chooses for each token the experts of the topK greatest logits, the lower id among equals. Their weights are the softmax of these logits where
   * `normalized`, else their part of the softmax of all.
   * @param activations how the products that follow take theirs
   */
  route(args: {
    logits: Tensor<B>;
    routing: Routing<B>;
    rows: number;
    normalized: boolean;
    activations: ActivationType;
  }): void;
  /** out[t] += scale · Σ_j weights[t][j] · x[t · topK + j]: what the experts of a token give, together. */
  addExperts(args: { x: Tensor<B>; routing: Routing<B>; out: Tensor<B>; rows: number; scale: number }): void;
  /**
   * Splits qkv[t] = `[q heads · D | k heads · D | v heads · D]`, normalises q and k where `norm` is given,
   * rotates the first `rotaryDim` dimensions of q and k by the table's row of the token's position (halves convention: dimension i pairs
   * with i + rotaryDim/2), writes q to `q` and k, v to their slots of the cache.
   */
  ropeAndCache(args: {
    batch: BatchBuffers<B>;
    qkv: Tensor<B>;
    q: Tensor<B>;
    cache: KvCache<B>;
    /** `[positions][rotaryDim]`: cosines of the rotaryDim/2 frequencies, then sines. */
    rope: Tensor<B>;
    rotaryDim: number;
    /** `weights` is [2][headDim], the norm of each head of q, then of k; or [heads + kvHeads][headDim], the norm of all of q at once, then of all of k. */
    norm: { weights: Tensor<B>; eps: number } | null;
    numHeads: number;
    rows: number;
  }): void;
  /**
   * out[t] = softmax(capped(scale · q[t]·K)) V over the positions max(0, p−window+1) … p of the token's own sequence, p its position,
   * read through its block table. Query head h reads KV head floor(h · kvHeads / heads). capped(s) = softCap · tanh(s / softCap), and s
   * where there is no softCap. Where `sinks` is given, [heads] scores, that of the head is one more in the softmax, and has no value.
   * `rows` are the tokens of the batch that was last written. Where `projected` is given, `ropeAndCache` with it comes first: on the way, where the
   * backend can.
   */
  attention(args: {
    batch: BatchBuffers<B>;
    q: Tensor<B>;
    cache: KvCache<B>;
    out: Tensor<B>;
    numHeads: number;
    scale: number;
    window: number | null;
    softCap?: number | null;
    sinks?: Tensor<B> | null;
    rows: number;
    projected?: Pick<OpArgs<B, 'ropeAndCache'>, 'qkv' | 'rope' | 'rotaryDim' | 'norm'> | null;
  }): void;
  /**
   * With size = out.cols: out[t][i] = activation(x[t][i]) · x[t][size + i] where x has two halves (`gatedBy`), or
   * out[t][i] = activation(x[t][i]) where x is as wide as `out`.
   */
  activate(args: { x: Tensor<B>; out: Tensor<B>; rows: number; activation: Activation }): void;
  /**
   * out[t] += scale · B·(A·x[t]) for the rows whose token has an adapter (`Batch.adapters`), with that adapter's factors, part by part.
   * `room` is f32 for A·x. @param of whose rows they are: the batch's tokens', or its rows of logits'
   */
  addLora(args: {
    batch: BatchBuffers<B>;
    x: Tensor<B>;
    lora: LoraMatrices<B>;
    room: Tensor<B>;
    out: Tensor<B>;
    rows: number;
    of: 'tokens' | 'logits';
    scale: number;
  }): void;
  /** x[t][i] = cap · tanh(x[t][i] / cap). */
  softCap(args: { x: Tensor<B>; rows: number; cap: number }): void;
  /**
   * out[i][j] += Σ_t x[t][first + i] · x[t][j] over the `rows` tokens, for the first `count` rows of out and for j ≥ first + i: rows of the upper
   * triangle of xᵀ·x, summed in f32 or wider. `out` is f32 and has the columns of x.
   */
  gram(args: { x: Tensor<B>; rows: number; out: Tensor<B>; first: number; count: number }): void;
  /** out[i] = x[logitsRows[i]]. */
  gatherRows(args: { batch: BatchBuffers<B>; x: Tensor<B>; out: Tensor<B>; rows: number }): void;
  /**
   * For each sampling row i with edits: logits[maxLogits + i] = edited logits[i] (`LogitsEdits`). Pending tokens are read from `previous`
   * as in `embed`. @param rows sampling rows that have edits
   */
  editLogits(args: { batch: BatchBuffers<B>; previous: Tensor<B>; logits: Tensor<B>; rows: number }): void;
  /** Writes the token that sampling row i draws from its edited logits, or from logits[i] where it has no edits, to row i of `out` (`result-layout.ts`). */
  sample(args: { batch: BatchBuffers<B>; logits: Tensor<B>; out: Tensor<B>; rows: number }): void;
  /**
   * For each of the first `rows` rows of logits whose log-probabilities are wanted: writes to its row of `out` the log-probability and rank of the
   * row's token, by the logits as the model gave them, and the likeliest tokens with theirs. That token is the one sampled, or the row's target.
   */
  logprobs(args: { batch: BatchBuffers<B>; logits: Tensor<B>; out: Tensor<B>; rows: number }): void;

  /**
   * Enqueues what `work` does. A backend may enqueue again, without running it, what it did when it was last called for such a step: it must depend on
   * the step and on where the batch has runs and single tokens alone, and no other model's steps may have the same `previous`.
   */
  replay(step: ReplayedStep<B>, work: () => void): void;
  /** Makes ready what the operations of `work` need, such as compiled kernels, without running them. Resolves with the kernels' names. */
  prepare(work: () => void): Promise<readonly string[]>;
  /** Sends what was enqueued to the device. */
  submit(): void;
  /** The first `rows` rows without padding, once all that was enqueued before has run. Rejects when the device is lost. */
  read(tensor: Tensor<B>, rows: number): Promise<Float32Array<ArrayBuffer>>;
  /** As `read`, for u32 tensors. The next step may be enqueued before this one is read. */
  readWords(tensor: Tensor<B>, rows: number): Promise<StepReading>;
  /** Bytes held on the device, by kind. */
  memory(): Readonly<Record<MemoryKind, number>>;
  /** Work of the last submit, for the metrics. */
  readonly dispatchesPerStep: number;
  destroy(): void;
}

/** What tells apart the steps of a model, whose batch was written last. */
export interface ReplayedStep<B> {
  readonly batch: BatchBuffers<B>;
  readonly previous: Tensor<B>;
  readonly numTokens: number;
  readonly numLogits: number;
  /** Whether some token has an adapter; absent, none has. */
  readonly hasAdapters?: boolean;
}

/** What an operation is given. */
export type OpArgs<B, Name extends keyof Ops<B>> = Ops<B>[Name] extends (args: infer A) => void ? A : never;
