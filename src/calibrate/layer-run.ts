import { chunkBatch } from '../engine/logits.js';
import type { ModelConfig } from '../model/config.js';
import { type Activations, createActivations, layerForward } from '../model/forward.js';
import type { Layer } from '../model/model.js';
import type { BatchBuffers, KvCache, Ops, Weight } from '../ops/ops.js';
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
    const watch = watchInput(this.ops, weight);
    const numTokens = this.#start(sample);
    layerForward(watch.ops, this.config, layer, this.#cache, this.#act, { batch: this.#batch, numTokens });
    const input = watch.input();
    if (input === null) throw new Error('the layer has no product with the weight that is watched');
    if (input.cols !== weight.cols)
      throw new Error(`inputs of ${input.cols} columns for a weight of ${weight.cols}`);
    sums?.add(input, numTokens);
    return this.ops.read(input, numTokens);
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
