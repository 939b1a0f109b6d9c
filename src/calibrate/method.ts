import type { PackedWeight, WeightFormat } from '../quant/weight.js';

/** What is known of the inputs x of a matrix over the tokens of the calibration text. */
export interface InputStats {
  readonly numTokens: number;
  /** `[cols]` mean of x². */
  readonly meanSquares: Float64Array;
  /** `[cols]` mean of |x|. */
  readonly meanMagnitudes: Float64Array;
  /** `[cols]` greatest |x|. */
  readonly maxMagnitudes: Float64Array;
  /** `[cols][cols]` (2 / numTokens) · Σ x·xᵀ; null where no method asked for it. */
  readonly hessian: Float64Array | null;
}

/** A matrix that is to be quantized. */
export interface MatrixInput {
  /** For errors and notes. */
  readonly name: string;
  /** `[rows = outputs][cols = inputs]`. */
  readonly values: Float32Array;
  readonly rows: number;
  readonly cols: number;
  readonly format: WeightFormat;
  /** null where nothing is known of its inputs. */
  readonly stats: InputStats | null;
}

export interface MatrixResult {
  readonly packed: PackedWeight;
  /**
   * `[cols]` group of each column, where columns were grouped in another order; null where column k belongs to group floor(k / groupSize).
   * Scales and zero points of `packed` are by group in any case, codes by column in the matrix's own order: with an index, `dequantize` does not
   * apply to it.
   */
  readonly groupIndex: Uint32Array | null;
  /**
   * Mean over the rows of Δ·H·Δᵀ / 2, Δ a row's change: the mean squared error of an output. Without a Hessian its diagonal stands for it, and
   * without any statistics the identity.
   */
  readonly error: number;
  /** Fallbacks that were taken, in words; empty where there were none. */
  readonly notes: readonly string[];
}

/** A way to choose the codes of one matrix. */
export interface MatrixMethod {
  readonly name: string;
  /** What it must know of the inputs: `moments` are means and maxima of each column, `hessian` those and the Hessian. */
  readonly needs: 'nothing' | 'moments' | 'hessian';
  /** What it does otherwise to a matrix of whose inputs nothing is known, in words; null where it does nothing otherwise. */
  withoutInputs(format: WeightFormat): string | null;
  /** Throws UserError where a value is NaN, infinite, or too large for the format's scales. */
  quantize(input: MatrixInput): MatrixResult;
}
