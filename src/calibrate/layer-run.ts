import { chunkBatch } from '../engine/logits.js';
import type { ModelConfig } from '../model/config.js';
import { type Activations, createActivations, layerForward } from '../model/forward.js';
import type { Layer, Linear } from '../model/model.js';
import type { BatchBuffers, KvCache, Ops, Tensor, Weight } from '../ops/ops.js';
import { RESULT } from '../ops/result-layout.js';
import type { GramSums } from './gram-sums.js';
import { watchInput } from './watch.js';

const BLOCK_TOKENS = 16;

/** A sample of the calibration text on its way through the layers. */
export interface Sample {
  readonly tokenIds: readonly number[];
  /** `[tokens][hidden]` the residual stream before the layer at hand. */
  readonly hidden: Float32Array;
}

/** Room on a device to take one sample at a time through a layer. */
export class LayerRun<B> {
  readonly #act: Activations<B>;
  readonly #batch: BatchBuffers<B>;
  readonly #cache: KvCache<B>;
  readonly #maxBlocks: number;

  constructor(
    readonly ops: Ops<B>,
    readonly config: ModelConfig,
    maxTokens: number,
  ) {
    const { numKvHeads, headDim } = config;
    const maxBlocks = Math.ceil(maxTokens / BLOCK_TOKENS);
    this.#maxBlocks = maxBlocks;
    this.#act = createActivations(ops, config, maxTokens, { maxLogits: 1, maxSampled: 0 });
    this.#batch = ops.batch({
      maxTokens,
      maxSequences: 1,
      maxBlocksPerSequence: maxBlocks,
      maxLogits: 1,
      maxSampled: 0,
    });
    this.#cache = ops.kvCache({
      numBlocks: maxBlocks,
      blockSize: BLOCK_TOKENS,
      numKvHeads,
      headDim,
      type: 'f32',
    });
  }

  /** The residual stream before the first layer, `[tokens][hidden]`. */
  embed(
    tokenIds: readonly number[],
    table: Weight<B>,
    positions: Weight<B> | null,
  ): Promise<Float32Array<ArrayBuffer>> {
    const { ops } = this;
    const previous = ops.tensor(1, RESULT.words, 'u32', 'activations');
    const rows = this.#begin(tokenIds);
    const { residual: out } = this.#act;
    ops.embed({
      batch: this.#batch,
      previous,
      table,
      out,
      rows,
      scale: this.config.embeddingScale,
      positions,
    });
    return ops.read(out, rows);
  }

  /** What a weight of the layer is multiplied with, `[tokens][weight.cols]`. @param sums to which its products are added */
  async input(
    layer: Layer<B>,
    weight: Weight<B>,
    sample: Sample,
    sums: GramSums<B> | null = null,
  ): Promise<Float32Array<ArrayBuffer>> {
    const { x, numTokens } = this.#watched(layer, weight, sample);
    sums?.add(x, numTokens);
    return this.ops.read(x, numTokens);
  }

  /** Room for a product of so many outputs of a sample. */
  room(outputs: number): Tensor<B> {
    return this.ops.tensor(this.#act.residual.rows, outputs, 'f32', 'activations');
  }

  /** What a product of the layer multiplies, `[tokens][weight.cols]`, and where there is room for it what it gives, `[tokens][weight.rows]`, before gates. */
  async product(
    layer: Layer<B>,
    { weight, bias }: Pick<Linear<B>, 'weight' | 'bias'>,
    sample: Sample,
    out: Tensor<B> | null,
  ): Promise<{ readonly input: Float32Array; readonly output: Float32Array | null }> {
    const { x, numTokens } = this.#watched(layer, weight, sample);
    const input = await this.ops.read(x, numTokens);
    if (out === null) return { input, output: null };
    const { ordered } = this.#act;
    this.ops.linear({ x, weight, bias, out, rows: numTokens, accumulate: false, ordered });
    return { input, output: await this.ops.read(out, numTokens) };
  }

  /** Runs the layer up to a product. */
  #watched(layer: Layer<B>, weight: Weight<B>, sample: Sample): { x: Tensor<B>; numTokens: number } {
    const watch = watchInput(this.ops, weight);
    const numTokens = this.#start(sample);
    layerForward(watch.ops, this.config, layer, this.#cache, this.#act, { batch: this.#batch, numTokens });
    const x = watch.input();
    if (x === null) throw new Error('the layer has no product with the weight that is watched');
    if (x.cols !== weight.cols) throw new Error(`inputs of ${x.cols} columns for a weight of ${weight.cols}`);
    return { x, numTokens };
  }

  /** The residual stream after the layer, `[tokens][hidden]`. */
  output(layer: Layer<B>, sample: Sample): Promise<Float32Array<ArrayBuffer>> {
    const numTokens = this.#start(sample);
    layerForward(this.ops, this.config, layer, this.#cache, this.#act, { batch: this.#batch, numTokens });
    return this.ops.read(this.#act.residual, numTokens);
  }

  #start({ tokenIds, hidden }: Sample): number {
    this.ops.write(this.#act.residual, hidden);
    return this.#begin(tokenIds);
  }

  #begin(tokenIds: readonly number[]): number {
    const numTokens = tokenIds.length;
    const batch = chunkBatch(tokenIds, { start: 0, skipped: numTokens }, this.#maxBlocks);
    this.ops.writeBatch(this.#batch, batch);
    return numTokens;
  }
}
