import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EngineCore, StepResult } from './core.js';
import { Watchdog } from './watchdog.js';

export interface LoopEvents {
  onStep(result: StepResult): void;
  /** At most once. No step's result follows. */
  onFailed(error: Error): void;
}

/** Steps the core while there is work and sleeps while there is none. */
export class EngineLoop {
  readonly #watchdog: Watchdog;
  #wakeUp: (() => void) | null = null;
  #interrupt: ((error: Error) => void) | null = null;
  #stopped = false;
  #failed = false;

  constructor(
    readonly core: EngineCore,
    readonly events: LoopEvents,
    stepTimeoutMs: number,
  ) {
    this.#watchdog = new Watchdog(stepTimeoutMs, () =>
      this.fail(new Error(`a step took longer than ${stepTimeoutMs} ms`)),
    );
  }

  /** Ends after `stop` or a failure. Never rejects. */
  async run(): Promise<void> {
    try {
      while (!this.#stopped) {
        if (this.core.hasWork) await this.#step();
        else await this.#sleep();
      }
      if (!this.#failed) await this.#watched(() => this.core.settle());
    } catch (error) {
      this.fail(error);
    }
  }

  /** Call after work was added to the core, or taken from it. */
  wake(): void {
    this.#wakeUp?.();
    this.#wakeUp = null;
  }

  /** No step starts after this one. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  /** Also for what is noticed outside of a step, such as a lost device. */
  fail(cause: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const error = this.core.fail(cause);
    this.stop();
    this.#interrupt?.(error);
    this.events.onFailed(error);
  }

  /** A runner that never leaves the microtask queue would keep commands out, hence the turn of the event loop. */
  async #step(): Promise<void> {
    const result = await this.#watched(() => this.core.step());
    if (!this.#stopped) this.events.onStep(result);
    await nextTurn();
  }

  /** Ends with the step, or with a failure that does not wait for it: a hung step never ends. */
  #watched<T>(work: () => Promise<T>): Promise<T> {
    this.#watchdog.arm();
    return new Promise<T>((resolve, reject) => {
      this.#interrupt = reject;
      work().then(resolve, reject);
    }).finally(() => this.#watchdog.disarm());
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
    });
  }
}
