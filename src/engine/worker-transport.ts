import { Worker } from 'node:worker_threads';
import type { EngineOptions, LoadProgress } from './options.js';
import {
  decodeError,
  type EngineCommand,
  type EngineEvent,
  encodeError,
  type FromWorker,
  type ToWorker,
  type Transport,
} from './protocol.js';
import type { EngineInfo } from './types.js';

export interface WorkerHooks {
  readonly onProgress?: (progress: LoadProgress) => void;
  /** The worker's entry; tests give their own. */
  readonly workerUrl?: URL;
}

/** Starts the worker and waits until its model is loaded. Rejects with the loader's error. */
export async function startWorker(
  options: EngineOptions,
  hooks: WorkerHooks,
): Promise<{ transport: Transport; info: EngineInfo }> {
  const worker = new Worker(hooks.workerUrl ?? new URL('./worker.js', import.meta.url));
  const transport = new WorkerTransport(worker, options.stepTimeoutMs);
  try {
    return { transport, info: await transport.load(options, hooks) };
  } catch (error) {
    await transport.close();
    throw error;
  }
}

class WorkerTransport implements Transport {
  readonly #exited: Promise<unknown>;
  /** Events that came before a listener did. */
  #early: EngineEvent[] = [];
  #listener: (event: EngineEvent) => void = (event) => this.#early.push(event);
  #failed = false;

  constructor(
    readonly worker: Worker,
    readonly closeTimeoutMs: number,
  ) {
    this.#exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) => this.#fail(new Error(`the engine's worker exited with code ${code}`)));
    worker.on('messageerror', (error) => this.#fail(error));
  }

  load(options: EngineOptions, hooks: WorkerHooks): Promise<EngineInfo> {
    return new Promise((resolve, reject) => {
      this.#listener = (event) => {
        if (event.type === 'failed') reject(decodeError(event.error));
      };
      this.worker.on('message', (message: FromWorker) => {
        if (message.type === 'progress') hooks.onProgress?.(message.progress);
        else if (message.type === 'ready') {
          this.#listener = (event) => this.#early.push(event);
          resolve(message.info);
        } else this.#emit(message);
      });
      this.#send({ type: 'init', options });
    });
  }

  post(commands: readonly EngineCommand[]): void {
    this.#send({ type: 'commands', commands });
  }

  listen(listener: (event: EngineEvent) => void): void {
    this.#listener = listener;
    for (const event of this.#early) listener(event);
    this.#early = [];
  }

  /** A worker that has failed, or does not end in time, is ended. */
  async close(): Promise<void> {
    const failed = this.#failed;
    this.#failed = true;
    if (failed) {
      await this.worker.terminate();
      return;
    }
    this.#send({ type: 'close' });
    const timer = setTimeout(() => void this.worker.terminate(), this.closeTimeoutMs);
    await this.#exited;
    clearTimeout(timer);
  }

  #send(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  #fail(error: unknown): void {
    this.#emit({ type: 'failed', error: encodeError(error) });
  }

  /** Nothing follows a failure, and an exit that was asked for is none. */
  #emit(event: EngineEvent): void {
    if (this.#failed) return;
    if (event.type === 'failed') this.#failed = true;
    this.#listener(event);
  }
}
