import { quantileOf } from '../../calibrate/statistics.js';
import type { Sender } from './send.js';
import type { LoadPlan, LoadProgress, RequestRecord } from './types.js';

/** Sends each request when it arrives, or where too many run when one of them has ended, and follows them all. */
export class Schedule {
  readonly #startMs = performance.now();
  readonly #records: RequestRecord[] = [];
  readonly #ttfts: number[] = [];
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;
  #done = 0;
  #failed = 0;
  #numChunks = 0;

  constructor(
    readonly plan: Pick<LoadPlan, 'requests' | 'arrivalsMs' | 'maxConcurrency'>,
    readonly sender: Pick<Sender, 'send'>,
  ) {}

  /** Resolves with a record of each request, in their order. */
  async run(): Promise<{ readonly records: readonly RequestRecord[]; readonly durationMs: number }> {
    const running: Promise<void>[] = [];
    for (let i = 0; i < this.plan.requests.length; i++) {
      await this.#until(this.plan.arrivalsMs[i]);
      await this.#place();
      running.push(this.#send(i));
    }
    await Promise.all(running);
    return { records: this.#records, durationMs: this.#elapsedMs() };
  }

  progress(): LoadProgress {
    const sorted = this.#ttfts.toSorted((a, b) => a - b);
    return {
      done: this.#done,
      inFlight: this.#inFlight,
      failed: this.#failed,
      total: this.plan.requests.length,
      numChunks: this.#numChunks,
      elapsedMs: this.#elapsedMs(),
      p50TtftMs: sorted.length === 0 ? null : quantileOf(sorted, 0.5),
      p99TtftMs: sorted.length === 0 ? null : quantileOf(sorted, 0.99),
    };
  }

  #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  async #until(atMs: number): Promise<void> {
    const leftMs = atMs - this.#elapsedMs();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
  }

  async #place(): Promise<void> {
    const { maxConcurrency } = this.plan;
    if (maxConcurrency !== null && this.#inFlight >= maxConcurrency)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#inFlight += 1;
  }

  async #send(index: number): Promise<void> {
    const record = await this.sender.send(this.plan.requests[index], this.#elapsedMs(), (times) => {
      this.#numChunks += 1;
      if (times.length === 1) this.#ttfts.push(times[0]);
    });
    this.#records[index] = record;
    this.#inFlight -= 1;
    this.#done += 1;
    if (record.error !== null) this.#failed += 1;
    this.#waiting.shift()?.();
  }
}
