import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createEngine } from '#halflight/engine/client.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import type { EngineEvent, Transport } from '#halflight/engine/protocol.js';
import { startWorker } from '#halflight/engine/worker-transport.js';
import { fakeRequest } from '../support/fake-runner.js';
import type { FakeBehaviour } from '../support/fake-worker.js';

const WORKER_URL = new URL('../support/fake-worker.js', import.meta.url);

async function start(modelDir: FakeBehaviour, stepTimeoutMs = 2_000): Promise<Transport> {
  const options = { ...ENGINE_DEFAULTS, modelDir, stepTimeoutMs };
  return (await startWorker(options, { workerUrl: WORKER_URL })).transport;
}

function add(transport: Transport, maxTokens: number): void {
  transport.post([{ type: 'add', request: fakeRequest('a', [1], { maxTokens }) }]);
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 2) {
    if (waited > 4_000) throw new Error('the condition did not come true in 4 s');
    await sleep(2);
  }
}

t.test('loading reports its progress, and rejects with the loader’s own error', async (t) => {
  const stages: number[] = [];
  const onProgress = ({ done }: { done: number }): void => void stages.push(done);
  const options = { ...ENGINE_DEFAULTS, modelDir: 'malformed' };
  await t.rejects(createEngine(options, { workerUrl: WORKER_URL, onProgress }), {
    name: 'CheckpointError',
    file: 'config.json',
    message: 'config.json: vocab_size: is missing',
  });
  t.same(stages, [1, 2]);
});

t.test('a worker that cannot start is an error, not a wait', async (t) => {
  const options = { ...ENGINE_DEFAULTS, modelDir: 'ok' };
  const missing = new URL('./no-such-worker.js', import.meta.url);
  await t.rejects(createEngine(options, { workerUrl: missing }), { message: /no-such-worker/ });
});

t.test('events that come before a listener wait for it, in order', async (t) => {
  const transport = await start('ok');
  add(transport, 3);
  await sleep(100);
  const events: EngineEvent[] = [];
  transport.listen((event) => events.push(event));
  await until(() => events.length === 3);
  const reasons = events.map((event) => (event.type === 'step' ? event.outputs[0].finishReason : event.type));
  t.same(reasons, [null, null, 'length']);
  await transport.close();
  t.equal(events.length, 3, 'an exit that was asked for is no event');
});

t.test('a worker that dies is one failure, and can be closed', async (t) => {
  for (const behaviour of ['exit', 'throw'] as const) {
    const transport = await start(behaviour);
    const events: EngineEvent[] = [];
    transport.listen((event) => events.push(event));
    add(transport, 50);
    await until(() => events.at(-1)?.type === 'failed');
    await transport.close();
    t.equal(events.filter(({ type }) => type === 'failed').length, 1, 'not its error and then its exit');
  }
});

t.test('a worker that does not end in time is ended', async (t) => {
  const transport = await start('block', 200);
  let numSteps = 0;
  transport.listen(() => {
    numSteps += 1;
  });
  add(transport, 50);
  await until(() => numSteps === 3);
  await t.resolves(transport.close());
});
