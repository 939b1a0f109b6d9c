import type { TokenOutput } from './types.js';

/** One request's tokens on their way from the steps that made them to the caller that reads them. */
export class OutputQueue {
  readonly #outputs: TokenOutput[] = [];
  #ended = false;
  #error: Error | null = null;
  #wakeUp: (() => void) | null = null;

  push(output: TokenOutput): void {
    this.#outputs.push(output);
    this.#notify();
  }

  /** No token follows; what is queued is dropped. */
  abort(): void {
    this.#outputs.length = 0;
    this.#ended = true;
    this.#notify();
  }

  /** No token follows; what is queued comes before the error. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#notify();
  }

  /** The next token, or null after `abort`. Rejects after `fail`. One reader at a time. */
  async next(): Promise<TokenOutput | null> {
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
