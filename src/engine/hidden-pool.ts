import type { Pooling } from '../model/pooling.js';

/** Makes one hidden state of those of a prompt's tokens, which come a chunk at a time. */
export class HiddenPool {
  /** Of the first `#numTaken` tokens, f64 `[hiddenSize]`; of the last of them alone where that is asked for. */
  #sum = new Float64Array();
  #numTaken = 0;

  constructor(
    readonly pooling: Pooling,
    readonly numTokens: number,
  ) {}

  /** Tokens whose hidden states are not needed, or no more. The last one's is always. */
  get numSkippable(): number {
    return this.pooling === 'last' ? this.numTokens - 1 : Math.min(this.#numTaken, this.numTokens - 1);
  }

  /**
   * Those of tokens that were taken before, which a preempted sequence computes again, are left out.
   * @param states of neighbouring tokens, `[tokens][size]`; @param position of the first of them
   */
  take(states: Float32Array, position: number, size: number): void {
    const end = position + states.length / size;
    if (this.#sum.length === 0) this.#sum = new Float64Array(size);
    for (let at = this.pooling === 'last' ? end - 1 : this.#numTaken; at < end; at++) {
      this.#add(states.subarray((at - position) * size, (at - position + 1) * size));
    }
    this.#numTaken = Math.max(this.#numTaken, end);
  }

  /** `[hiddenSize]`; null while some tokens are missing. */
  result(): Float32Array | null {
    if (this.#numTaken < this.numTokens) return null;
    const divisor = this.pooling === 'last' ? 1 : this.numTokens;
    return Float32Array.from(this.#sum, (value) => value / divisor);
  }

  #add(state: Float32Array): void {
    if (this.pooling === 'last') this.#sum.set(state);
    else for (let i = 0; i < state.length; i++) this.#sum[i] += state[i];
  }
}
