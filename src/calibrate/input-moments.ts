import type { InputStats } from './method.js';

/** Sums up what is known of each column of a matrix's inputs, in f64 and in the order of the tokens, so that the same tokens give the same bits. */
export class InputMoments {
  #numTokens = 0;
  readonly #squares: Float64Array;
  readonly #magnitudes: Float64Array;
  readonly #maxima: Float64Array;

  constructor(readonly cols: number) {
    this.#squares = new Float64Array(cols);
    this.#magnitudes = new Float64Array(cols);
    this.#maxima = new Float64Array(cols);
  }

  get numTokens(): number {
    return this.#numTokens;
  }

  /** @param inputs `[tokens][cols]` */
  add(inputs: Float32Array): void {
    this.#numTokens += inputs.length / this.cols;
    for (let i = 0; i < inputs.length; i++) this.#addOne(i % this.cols, inputs[i]);
  }

  #addOne(column: number, x: number): void {
    this.#squares[column] += x * x;
    this.#magnitudes[column] += Math.abs(x);
    this.#maxima[column] = Math.max(this.#maxima[column], Math.abs(x));
  }

  stats(hessian: Float64Array | null): InputStats {
    const mean = (sums: Float64Array) => sums.map((sum) => sum / this.#numTokens);
    return {
      numTokens: this.#numTokens,
      meanSquares: mean(this.#squares),
      meanMagnitudes: mean(this.#magnitudes),
      maxMagnitudes: this.#maxima.slice(),
      hessian,
    };
  }
}
