import type { InputStats, MatrixInput } from '#halflight/calibrate/method.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import type { WeightFormat } from '#halflight/quant/weight.js';
import type { Random } from '../support/random.js';

/** `[numTokens][cols]` inputs whose columns resemble their neighbours, and differ in size. */
export function inputsOf(random: Random, numTokens: number, cols: number): Float64Array {
  const noise = Float64Array.from(random.values(numTokens * cols));
  return noise.map((value, i) => {
    const k = i % cols;
    return (value + (k > 0 ? 0.8 * noise[i - 1] : 0)) * (1 + 4 * ((k * 7) % cols === 0 ? 1 : 0));
  });
}

/** (2 / numTokens) · Σ x·xᵀ, `[cols][cols]`, as its formula. */
export function hessianOf(inputs: Float64Array, cols: number): Float64Array {
  const numTokens = inputs.length / cols;
  return Float64Array.from({ length: cols * cols }, (_, index) => {
    const [i, j] = [Math.floor(index / cols), index % cols];
    let sum = 0;
    for (let t = 0; t < numTokens; t++) sum += inputs[t * cols + i] * inputs[t * cols + j];
    return (2 * sum) / numTokens;
  });
}

/** A random Hessian. */
export function gram(random: Random, numTokens: number, cols: number): Float64Array {
  return hessianOf(inputsOf(random, numTokens, cols), cols);
}

/** The statistics of inputs `[numTokens][cols]`, as their formulas. */
export function statsOf(inputs: Float64Array, cols: number): InputStats {
  const numTokens = inputs.length / cols;
  const column = (k: number) => Array.from({ length: numTokens }, (_, t) => inputs[t * cols + k]);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / numTokens;
  const of = (number: (values: readonly number[]) => number) =>
    Float64Array.from({ length: cols }, (_, k) => number(column(k)));
  return {
    numTokens,
    meanSquares: of((values) => mean(values.map((x) => x * x))),
    meanMagnitudes: of((values) => mean(values.map(Math.abs))),
    maxMagnitudes: of((values) => Math.max(...values.map(Math.abs))),
    hessian: hessianOf(inputs, cols),
  };
}

/** A matrix of random numbers, most of them small. */
export function matrixOf(
  random: Random,
  [rows, cols]: readonly [number, number],
  format: WeightFormat | string,
  stats: InputStats | null,
): MatrixInput {
  return {
    name: 'matrix',
    values: random.values(rows * cols).map((value) => value ** 3),
    rows,
    cols,
    format: typeof format === 'string' ? parseQuantization(format) : format,
    stats,
  };
}

/** Mean over tokens and outputs of the squared difference of the products with two matrices `[rows][cols]`. */
export function productError(a: Float32Array, b: Float32Array, inputs: Float64Array, cols: number): number {
  const [rows, numTokens] = [a.length / cols, inputs.length / cols];
  let sum = 0;
  for (let t = 0; t < numTokens; t++) {
    for (let n = 0; n < rows; n++) {
      let difference = 0;
      for (let k = 0; k < cols; k++) difference += (a[n * cols + k] - b[n * cols + k]) * inputs[t * cols + k];
      sum += difference ** 2;
    }
  }
  return sum / (rows * numTokens);
}
