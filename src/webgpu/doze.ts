/**
 * Sleeps while work is under way. The Node bindings look for finished work in every turn of the event loop, without a pause: that keeps a
 * core busy, and on a software adapter it is one of those that compute. With a short sleep in each turn the thread is nearly idle.
 */
export class Doze {
  readonly #ms: number;
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  #waiting = 0;
  /** Whether a turn is to come. One is enough: work that begins as other work ends would add its own each time. */
  #turning = false;

  /** @param ms sleep in a turn, which is also how late the end of work may be seen; 0 never sleeps */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Resolves or rejects as `work` does. */
  async until<T>(work: Promise<T>): Promise<T> {
    if (this.#ms === 0) return work;
    this.#waiting++;
    this.#nextTurn();
    return work.finally(() => {
      this.#waiting--;
    });
  }

  #nextTurn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#turning = false;
    if (this.#waiting === 0) return;
    Atomics.wait(this.#cell, 0, 0, this.#ms);
    this.#nextTurn();
  }
}
