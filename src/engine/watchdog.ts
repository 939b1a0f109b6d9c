/** Calls `onTimeout` once when `disarm` does not come within `timeoutMs` of the last `arm`. */
export class Watchdog {
  #timer: NodeJS.Timeout | null = null;

  constructor(
    readonly timeoutMs: number,
    readonly onTimeout: () => void,
  ) {}

  arm(): void {
    this.disarm();
    this.#timer = setTimeout(this.onTimeout, this.timeoutMs);
  }

  disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
