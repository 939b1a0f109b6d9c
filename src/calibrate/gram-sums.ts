import type { Ops, Tensor } from '../ops/ops.js';

/** Of one tensor of sums. What is read takes as much again on the host and on its way there. */
const BAND_BYTES = 2 ** 24;

/** Σ x·xᵀ of a product's inputs, summed up on the device in bands of rows. */
export class GramSums<B> {
  readonly #bands: readonly { readonly first: number; readonly count: number; readonly out: Tensor<B> }[];

  constructor(
    readonly ops: Ops<B>,
    readonly cols: number,
    maxBytes = BAND_BYTES,
  ) {
    const size = Math.max(1, Math.floor(maxBytes / (4 * cols)));
    this.#bands = Array.from({ length: Math.ceil(cols / size) }, (_, i) => {
      const count = Math.min(size, cols - i * size);
      return { first: i * size, count, out: ops.tensor(count, cols, 'f32', 'activations') };
    });
  }

  /** Of the largest read. */
  get readBytes(): number {
    return 4 * this.cols * this.#bands[0].count;
  }

  reset(): void {
    for (const { out, count } of this.#bands) this.ops.write(out, new Float32Array(count * this.cols));
  }

  /** @param rows tokens */
  add(x: Tensor<B>, rows: number): void {
    for (const band of this.#bands) this.ops.gram({ x, rows, ...band });
  }

  /** (2 / numTokens) · Σ x·xᵀ, `[cols][cols]`. */
  async hessian(numTokens: number): Promise<Float64Array<ArrayBuffer>> {
    const { cols } = this;
    const full = new Float64Array(cols * cols);
    for (const { first, count, out } of this.#bands) {
      const sums = await this.ops.read(out, count);
      for (let i = 0; i < count; i++) {
        for (let j = first + i; j < cols; j++) {
          const value = (2 * sums[i * cols + j]) / numTokens;
          full[(first + i) * cols + j] = value;
          full[j * cols + first + i] = value;
        }
      }
    }
    return full;
  }
}
