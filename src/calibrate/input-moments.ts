import type { InputStats } from './method.js';

/** Tokens whose products are added to a row of the Hessian at once: it is read and written once for all of them. */
const TOKENS_AT_ONCE = 4;

/** Sums up what is known of a matrix's inputs, in f64 and in the order of the tokens, so that the same tokens give the same bits. */
export class InputMoments {
  #numTokens = 0;
  readonly #squares: Float64Array;
  readonly #magnitudes: Float64Array;
  readonly #maxima: Float64Array;
  /** `[cols][cols]` Σ x·xᵀ, the upper triangle. */
  readonly #products: Float64Array | null;

  constructor(
    readonly cols: number,
    withHessian: boolean,
  ) {
    this.#squares = new Float64Array(cols);
    this.#magnitudes = new Float64Array(cols);
    this.#maxima = new Float64Array(cols);
    this.#products = withHessian ? new Float64Array(cols * cols) : null;
  }

  /** @param inputs `[tokens][cols]` */
  add(inputs: Float32Array): void {
    const { cols } = this;
    this.#numTokens += inputs.length / cols;
    for (let i = 0; i < inputs.length; i++) this.#addOne(i % cols, inputs[i]);
    if (this.#products === null) return;
    for (let at = 0; at < inputs.length; at += TOKENS_AT_ONCE * cols) {
      addProducts(this.#products, inputs.subarray(at, at + TOKENS_AT_ONCE * cols), cols);
    }
  }

  #addOne(column: number, x: number): void {
    this.#squares[column] += x * x;
    this.#magnitudes[column] += Math.abs(x);
    this.#maxima[column] = Math.max(this.#maxima[column], Math.abs(x));
  }

  stats(): InputStats {
    const numTokens = this.#numTokens;
    const mean = (sums: Float64Array) => sums.map((sum) => sum / numTokens);
    return {
      numTokens,
      meanSquares: mean(this.#squares),
      meanMagnitudes: mean(this.#magnitudes),
      maxMagnitudes: this.#maxima.slice(),
      hessian: this.#products === null ? null : symmetric(this.#products, this.cols, 2 / numTokens),
    };
  }
}

/** sums[i][j] += Σ_t x[t][i]·x[t][j] for j ≥ i, of up to four tokens. */
function addProducts(sums: Float64Array, inputs: Float32Array, cols: number): void {
  const row = (token: number) =>
    (token + 1) * cols <= inputs.length
      ? Float64Array.from(inputs.subarray(token * cols, (token + 1) * cols))
      : new Float64Array(cols);
  const [a, b, c, d] = [row(0), row(1), row(2), row(3)];
  for (let i = 0; i < cols; i++) {
    const at = i * cols;
    const [ai, bi, ci, di] = [a[i], b[i], c[i], d[i]];
    for (let j = i; j < cols; j++) sums[at + j] += ai * a[j] + bi * b[j] + ci * c[j] + di * d[j];
  }
}

/** Both triangles of `factor` times a matrix of which the upper one is given. */
function symmetric(upper: Float64Array, n: number, factor: number): Float64Array {
  const full = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      full[i * n + j] = factor * upper[i * n + j];
      full[j * n + i] = full[i * n + j];
    }
  }
  return full;
}
