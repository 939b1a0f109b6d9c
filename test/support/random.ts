/** Reproducible numbers for tests (mulberry32 by Tommy Ettinger, public domain algorithm). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A uniform 32-bit word. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor((this.word() / 2 ** 32) * bound);
  }

  /** Multiples of 1/512 in [−1, 1]: exact in f16, so both backends start from the same numbers. */
  values(length: number): Float32Array<ArrayBuffer> {
    return Float32Array.from({ length }, () => (this.below(1025) - 512) / 512);
  }

  /** 0 … length − 1 in random order. */
  permutation(length: number): number[] {
    const order = Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
