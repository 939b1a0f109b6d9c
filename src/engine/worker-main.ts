import type { MessagePort } from 'node:worker_threads';
import { GrammarService } from '../grammar/service.js';
import { EngineHost } from './host.js';
import type { CreateRunner } from './model-runner.js';
import type { EngineOptions } from './options.js';
import { encodeError, type FromWorker, type ToWorker } from './protocol.js';

/** A grammar that takes longer to compile, or to tell what may come next, is given up. */
const GRAMMAR_TIMEOUT_MS = 10_000;

/** Answers an engine's messages on `port` for the life of the thread. */
export function runWorker(port: MessagePort, createRunner: CreateRunner): void {
  const post = (message: FromWorker): void => port.postMessage(message);
  let host: EngineHost | null = null;
  const init = async (options: EngineOptions): Promise<void> => {
    const model = await createRunner(options, (progress) => post({ type: 'progress', progress }));
    const { vocabSize, eosTokenIds } = model;
    const grammars = new GrammarService({
      modelDir: options.modelDir,
      vocabSize,
      eosTokenIds,
      timeoutMs: GRAMMAR_TIMEOUT_MS,
    });
    host = new EngineHost(model, { ...options, grammars }, post);
    post({ type: 'ready', info: model.info });
  };
  const close = async (): Promise<void> => {
    await host?.close();
    process.exit(0);
  };
  const handle = async (message: ToWorker): Promise<void> => {
    if (message.type === 'init') await init(message.options);
    else if (message.type === 'commands') host?.handle(message.commands);
    else await close();
  };
  port.on('message', (message: ToWorker) => {
    handle(message).catch((error: unknown) => post({ type: 'failed', error: encodeError(error) }));
  });
}
