/** How much may lie in a queue. */
export interface QueueBound<T> {
  readonly capacity: number;
  readonly weigh: (output: T) => number;
  /** It holds more than its capacity. */
  readonly onFull: () => void;
  /** Its reader has caught up. */
  readonly onEmpty: () => void;
}

/** What steps gave to one request, on its way to the caller that reads it. It tells when it is full, and takes more all the same. */
export class OutputQueue<T> {
  readonly #outputs: T[] = [];
  #weight = 0;
  #isFull = false;
  #ended = false;
  #error: Error | null = null;
  #wakeUp: (() => void) | null = null;

  constructor(readonly bound: QueueBound<T>) {}

  push(output: T): void {
    this.#outputs.push(output);
    this.#weight += this.bound.weigh(output);
    this.#notify();
    if (this.#isFull || this.#weight <= this.bound.capacity) return;
    this.#isFull = true;
    this.bound.onFull();
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
      if (output !== undefined) return this.#taken(output);
      if (this.#ended) return null;
      if (this.#error !== null) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
    }
  }

  #taken(output: T): T {
    this.#weight -= this.bound.weigh(output);
    if (this.#isFull && this.#outputs.length === 0) {
      this.#isFull = false;
      this.bound.onEmpty();
    }
    return output;
  }

  #notify(): void {
    this.#wakeUp?.();
    this.#wakeUp = null;
  }
}
