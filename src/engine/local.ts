import { EngineClient } from './client.js';
import { EngineHost, type HostOptions } from './host.js';
import type { LoadedModel } from './model-runner.js';
import type { EngineCommand, EngineEvent, Transport } from './protocol.js';
import type { Engine } from './types.js';

/** An engine on the calling thread, for the command line and tests. */
export function createLocalEngine(model: LoadedModel, options: HostOptions): Engine {
  return new EngineClient(new LocalTransport(model, options), model.info, options.stepTimeoutMs);
}

class LocalTransport implements Transport {
  readonly #host: EngineHost;
  /** A host emits nothing before its first command or a later turn, so no event comes before the listener. */
  #listener: (event: EngineEvent) => void = () => undefined;

  constructor(model: LoadedModel, options: HostOptions) {
    this.#host = new EngineHost(model, options, (event) => this.#listener(event));
  }

  post(commands: readonly EngineCommand[]): void {
    this.#host.handle(commands);
  }

  listen(listener: (event: EngineEvent) => void): void {
    this.#listener = listener;
  }

  close(): Promise<void> {
    return this.#host.close();
  }
}
