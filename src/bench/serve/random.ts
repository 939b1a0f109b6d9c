import type { Lengths } from '../../option-kinds.js';

/** Draws that are the same for a seed. */
export class Draws {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring streams.
    this.#state = Math.imul((seed % 2 ** 32) ^ 0x9e3779b9, 0x85ebca6b) ^ Math.floor(seed / 2 ** 32);
  }

  /** In [0, 1), 32 bits of it: mulberry32 by Tommy Ettinger. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0, less than `count`. */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** Mean 0, standard deviation 1: Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** Mean `shape`: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.uniform()) ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** Tokens, at least one. */
  length(lengths: Lengths): number {
    return Math.max(1, Math.round(this.#ofShape(lengths)));
  }

  /** The same values in another order. */
  shuffled<T>(values: readonly T[]): T[] {
    const shuffled = [...values];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      [shuffled[i], shuffled[other]] = [shuffled[other], shuffled[i]];
    }
    return shuffled;
  }

  #ofShape({ shape, mean, spread }: Lengths): number {
    switch (shape) {
      case 'fixed':
        return mean;
      case 'uniform':
        return mean - spread + this.below(2 * spread + 1);
      case 'normal':
        return mean + spread * this.normal();
      case 'exponential':
        return this.exponential(mean);
      case 'lognormal': {
        // With these of the logarithm, the numbers themselves have the mean and deviation that were asked for.
        const variance = Math.log(1 + (spread / mean) ** 2);
        return Math.exp(Math.log(mean) - variance / 2 + Math.sqrt(variance) * this.normal());
      }
      default:
        return shape satisfies never;
    }
  }
}
