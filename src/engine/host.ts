import type { Grammars } from '../grammar/service.js';
import { BlockManager } from './block-manager.js';
import { EngineCore } from './core.js';
import { EngineLoop, type LoopEvents } from './loop.js';
import type { LoadedModel } from './model-runner.js';
import type { EngineOptions } from './options.js';
import { type EngineCommand, type EngineEvent, encodeError } from './protocol.js';

export interface HostOptions extends Schedule {
  /** What grammars are followed by; absent, none is. Closed with the host. */
  readonly grammars?: Grammars;
}

type Schedule = Pick<
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
    readonly options: HostOptions,
    readonly emit: (event: EngineEvent) => void,
  ) {
    this.#core = this.#createCore();
    this.#loop = new EngineLoop(this.#core, this.#loopEvents(), options.stepTimeoutMs);
    this.#running = this.#loop.run();
    void model.runner.lost.then((reason) => this.#loop.fail(reason));
  }

  handle(commands: readonly EngineCommand[]): void {
    for (const command of commands) {
      if (command.type === 'add') this.#add(command);
      else this.#core[command.type](command.id);
    }
    if (!this.#core.hasWork) this.emit({ type: 'stats', stats: this.#core.stats() });
    this.#loop.wake();
  }

  /** Waits for the steps that run, at most until the watchdog gives them up. */
  async close(): Promise<void> {
    this.#loop.stop();
    await this.#running;
    await this.options.grammars?.close();
    this.model.runner.destroy();
  }

  #add({ request }: Extract<EngineCommand, { type: 'add' }>): void {
    try {
      this.#core.add(request);
    } catch (error) {
      this.#refuse(request.id, error);
    }
  }

  #refuse(id: string, error: unknown): void {
    this.emit({ type: 'refused', id, error: encodeError(error) });
  }

  #createCore(): EngineCore {
    const { runner, info, vocabSize, eosTokenIds } = this.model;
    return new EngineCore({
      runner,
      blocks: new BlockManager(info.numBlocks, info.blockSize),
      limits: { ...this.options, maxModelLen: info.maxModelLen },
      vocabSize,
      eosTokenIds,
      grammars: this.options.grammars,
      onRefused: (id, error) => this.#refuse(id, error),
      onWork: () => this.#loop.wake(),
      now: () => performance.now(),
    });
  }

  #loopEvents(): LoopEvents {
    return {
      onStep: (result) => this.emit({ type: 'step', ...result }),
      onFailed: (error) => this.emit({ type: 'failed', error: encodeError(error) }),
    };
  }
}
