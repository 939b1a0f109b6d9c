import type { ModelConfig } from '../model/config.js';
import { normalize } from '../model/forward.js';
import { createLoader } from '../model/load.js';
import type { WeightSource } from '../model/matrices.js';
import type { Norm } from '../model/model.js';
import type { Ops, Tensor, Weight } from '../ops/ops.js';
import { rowsOf } from '../quant/packed-rows.js';
import type { PackedWeight } from '../quant/weight.js';
import { GramSums } from './gram-sums.js';
import { InputMoments } from './input-moments.js';
import type { InputStats } from './method.js';

/** Tokens at a time: their logits must fit the device. */
const CHUNK_TOKENS = 64;

/** What comes after the last layer, on a device: final norm and output matrix. */
export class HeadRun<B> {
  readonly #residual: Tensor<B>;
  readonly #normed: Tensor<B>;
  readonly #logits: Tensor<B>;

  private constructor(
    readonly ops: Ops<B>,
    readonly config: ModelConfig,
    readonly norm: Norm<B>,
    readonly weight: Weight<B>,
  ) {
    const { hiddenSize, vocabSize } = config;
    const room = (cols: number) => ops.tensor(CHUNK_TOKENS, cols, 'f32', 'activations');
    this.#residual = room(hiddenSize);
    this.#normed = room(hiddenSize);
    this.#logits = room(vocabSize);
  }

  static async open<B>(ops: Ops<B>, checkpoint: WeightSource, config: ModelConfig): Promise<HeadRun<B>> {
    const loader = createLoader(ops, checkpoint, config, {
      quantization: null,
      maxModelLen: 1,
      onBytes: () => undefined,
    });
    const { weights, tieWordEmbeddings, vocabSize, hiddenSize } = loader.config;
    const name = tieWordEmbeddings ? weights.embedding : weights.lmHead;
    const weight = await loader.table(name, vocabSize, hiddenSize);
    return new HeadRun(ops, config, await loader.norm(weights.finalNorm), weight);
  }

  /** On the same device. */
  async withWeight(packed: PackedWeight): Promise<HeadRun<B>> {
    const weight = await this.ops.loadWeight([rowsOf(packed)]);
    return new HeadRun(this.ops, this.config, this.norm, weight);
  }

  /** Of the output matrix's inputs. @param hidden residual streams after the last layer, `[tokens][hidden]` each */
  async stats(hidden: readonly Float32Array[], withHessian: boolean): Promise<InputStats> {
    const { hiddenSize } = this.config;
    const moments = new InputMoments(hiddenSize);
    const sums = withHessian ? new GramSums(this.ops, hiddenSize) : null;
    sums?.reset();
    for (const stream of hidden) {
      for (const rows of chunks(stream, hiddenSize)) {
        const count = this.#normalize(rows);
        sums?.add(this.#normed, count);
        moments.add(await this.ops.read(this.#normed, count));
      }
    }
    return moments.stats((await sums?.hessian(moments.numTokens)) ?? null);
  }

  /** Logits after each token of a residual stream, some neighbouring rows `[tokens][vocab]` at a time. */
  async *logits(stream: Float32Array): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
    const { hiddenSize, logitsScale: scale, logitsSoftCap: cap } = this.config;
    for (const part of chunks(stream, hiddenSize)) {
      const rows = this.#normalize(part);
      const [x, out] = [this.#normed, this.#logits];
      this.ops.linear({ x, weight: this.weight, bias: null, out, rows, accumulate: false, scale });
      if (cap !== null) this.ops.softCap({ x: out, rows, cap });
      yield await this.ops.read(out, rows);
    }
  }

  close(): void {
    this.ops.destroy();
  }

  #normalize(rows: Float32Array): number {
    const { hiddenSize } = this.config;
    const count = rows.length / hiddenSize;
    this.ops.write(this.#residual, rows);
    normalize(this.ops, this.config, this.norm, this.#residual, this.#normed, count);
    return count;
  }
}

function chunks(stream: Float32Array, cols: number): Float32Array[] {
  const size = CHUNK_TOKENS * cols;
  const count = Math.ceil(stream.length / size);
  return Array.from({ length: count }, (_, i) => stream.subarray(i * size, (i + 1) * size));
}
