/** Long enough to be steady, short enough to follow a change. */
const WINDOW_MS = 10_000;
const SAMPLE_MS = 200;

export interface Rate {
  readonly perSecond: number;
  readonly secondsLeft: number;
}

/** How fast an amount has grown lately. */
export class RateMeter {
  #samples: { readonly atMs: number; readonly done: number }[] = [];

  /** @returns null until there is enough to tell */
  update(done: number, total: number, nowMs: number): Rate | null {
    const last = this.#samples.at(-1);
    if (last !== undefined && done < last.done) this.#samples = [];
    if (last === undefined || nowMs - last.atMs >= SAMPLE_MS) this.#samples.push({ atMs: nowMs, done });
    this.#samples = this.#samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    const [first] = this.#samples;
    if (first === undefined || nowMs - first.atMs < SAMPLE_MS || done <= first.done) return null;
    const perSecond = (1000 * (done - first.done)) / (nowMs - first.atMs);
    return { perSecond, secondsLeft: (total - done) / perSecond };
  }
}
