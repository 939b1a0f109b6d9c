import { BlockManager } from './block-manager.js';
import { EngineCore } from './core.js';
import { EngineLoop, type LoopEvents } from './loop.js';
import type { LoadedModel } from './model-runner.js';
import type { EngineOptions } from './options.js';
import { type EngineCommand, type EngineEvent, encodeError } from './protocol.js';

export type HostOptions = Pick<
  EngineOptions,
  | 'maxNumSeqs'
  | 'maxNumBatchedTokens'
  | 'maxPrefillMsPerStep'
  | 'prefixCaching'
  | 'asyncScheduling'
  | 'numSpeculativeTokens'
  | 'stepTimeoutMs'
>;

/** A core and its loop behind commands and events: the far end of a transport. */
export class EngineHost {
  readonly #core: EngineCore;
  readonly #loop: EngineLoop;
  readonly #running: Promise<void>;

  constructor(
    readonly model: LoadedModel,
    options: HostOptions,
    readonly emit: (event: EngineEvent) => void,
  ) {
    this.#core = createCore(model, options);
    this.#loop = new EngineLoop(this.#core, this.#loopEvents(), options.stepTimeoutMs);
    this.#running = this.#loop.run();
    void model.runner.lost.then((reason) => this.#loop.fail(reason));
  }

  handle(commands: readonly EngineCommand[]): void {
    for (const command of commands) {
      if (command.type === 'add') this.#add(command);
      else this.#core.abort(command.id);
    }
    if (!this.#core.hasWork) this.emit({ type: 'stats', stats: this.#core.stats() });
    this.#loop.wake();
  }

  /** Waits for the steps that run, at most until the watchdog gives them up. */
  async close(): Promise<void> {
    this.#loop.stop();
    await this.#running;
    this.model.runner.destroy();
  }

  #add({ request }: Extract<EngineCommand, { type: 'add' }>): void {
    try {
      this.#core.add(request);
    } catch (error) {
      this.emit({ type: 'refused', id: request.id, error: encodeError(error) });
    }
  }

  #loopEvents(): LoopEvents {
    return {
      onStep: (result) => this.emit({ type: 'step', ...result }),
      onFailed: (error) => this.emit({ type: 'failed', error: encodeError(error) }),
    };
  }
}

function createCore({ runner, info, vocabSize, eosTokenIds }: LoadedModel, options: HostOptions): EngineCore {
  return new EngineCore({
    runner,
    blocks: new BlockManager(info.numBlocks, info.blockSize),
    limits: { ...options, maxModelLen: info.maxModelLen },
    vocabSize,
    eosTokenIds,
    now: () => performance.now(),
  });
}
