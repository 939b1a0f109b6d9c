import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import type { CreateRunner } from '#halflight/engine/model-runner.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import type { FromWorker, ToWorker } from '#halflight/engine/protocol.js';
import { runWorker } from '#halflight/engine/worker-main.js';
import { UserError } from '#halflight/errors.js';
import { fakeModel, fakeRequest } from '../support/fake-runner.js';

const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 512 };
const INIT: ToWorker = { type: 'init', options: { ...ENGINE_DEFAULTS, modelDir: 'ok' } };

/** The worker's messages, without a thread of its own. */
function startOnPort(t: Test, createRunner: CreateRunner) {
  const { port1, port2 } = new MessageChannel();
  t.teardown(() => port1.close());
  runWorker(port2, createRunner);
  const send = (message: ToWorker): void => port1.postMessage(message);
  const next = async (): Promise<FromWorker> => {
    const [message] = (await once(port1, 'message')) as [FromWorker];
    return message;
  };
  return { send, next };
}

t.test('it loads, reports progress, is ready, and answers commands', async (t) => {
  const { send, next } = startOnPort(t, async (_options, onProgress) => {
    onProgress({ stage: 'weights', done: 1, total: 2 });
    return fakeModel(SHAPE);
  });
  send({ type: 'commands', commands: [{ type: 'abort', id: 'early' }] });
  send(INIT);
  t.match(await next(), { type: 'progress', progress: { stage: 'weights', done: 1 } });
  t.match(await next(), { type: 'ready', info: SHAPE });
  const request = fakeRequest('a', [1], { maxTokens: 1 });
  send({ type: 'commands', commands: [{ type: 'add', request }] });
  t.match(await next(), { type: 'step', outputs: [{ id: 'a', finishReason: 'length' }] });
});

t.test('a model that does not load is a failure with its own kind of error', async (t) => {
  const { send, next } = startOnPort(t, async () => {
    throw new UserError('no GPU');
  });
  send(INIT);
  t.same(await next(), { type: 'failed', error: { kind: 'user', message: 'no GPU' } });
});

t.test('a close ends the thread with code 0, loaded or not', async (t) => {
  for (const loaded of [true, false]) {
    const worker = new Worker(new URL('../support/fake-worker.js', import.meta.url));
    if (loaded) {
      worker.postMessage(INIT);
      await new Promise<void>((resolve) => {
        worker.on('message', ({ type }: FromWorker) => type === 'ready' && resolve());
      });
    }
    worker.postMessage({ type: 'close' } satisfies ToWorker);
    t.same(await once(worker, 'exit'), [0]);
  }
});
