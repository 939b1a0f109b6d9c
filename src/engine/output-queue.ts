/** What steps gave to one request, on its way to the caller that reads it. */
export class OutputQueue<T> {
  readonly #outputs: T[] = [];
  #ended = false;
  #error: Error | null = null;
  #wakeUp: (() => void) | null = null;

  push(output: T): void {
    this.#outputs.push(output);
    this.#notify();
  }

  /** Nothing follows; what is queued is dropped. */
  abort(): void {
    this.#outputs.length = 0;
    this.#ended = true;
    this.#notify();
  }

  /** Nothing follows; what is queued comes before the error. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#notify();
  }

  /** The next output, or null after `abort`. Rejects after `fail`. One reader at a time. */
  async next(): Promise<T | null> {
    for (;;) {
      const output = this.#outputs.shift();
      if (output !== undefined) return output;
      if (this.#ended) return null;
      if (this.#error !== null) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
    }
  }

  #notify(): void {
    this.#wakeUp?.();
    this.#wakeUp = null;
  }
}
