import { parentPort } from 'node:worker_threads';
import type { CreateRunner } from '#halflight/engine/model-runner.js';
import { runWorker } from '#halflight/engine/worker-main.js';
import { CheckpointError } from '#halflight/errors.js';
import { FakeRunner, fakeModel } from './fake-runner.js';

const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 512 };

/** What the worker's fake model does; travels as the options' modelDir. */
export type FakeBehaviour = 'ok' | 'malformed' | 'exit' | 'throw' | 'hang' | 'block' | 'lost';

class MisbehavingRunner extends FakeRunner {
  constructor(readonly behaviour: string) {
    super(SHAPE);
  }

  /** In the fifth step, so some tokens are out. */
  override async run(...step: Parameters<FakeRunner['run']>): ReturnType<FakeRunner['run']> {
    const results = await super.run(...step);
    if (this.numRuns === 5) await misbehave(this.behaviour, this);
    return results;
  }
}

async function misbehave(behaviour: string, runner: FakeRunner): Promise<void> {
  if (behaviour === 'exit') process.exit(3);
  if (behaviour === 'throw') setImmediate(() => fail('uncaught in the worker'));
  if (behaviour === 'lost') runner.lose(new Error('the device was lost'));
  if (behaviour === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (behaviour !== 'ok') await new Promise(() => undefined);
}

function fail(message: string): never {
  throw new Error(message);
}

const createRunner: CreateRunner = async (options, onProgress) => {
  onProgress({ stage: 'weights', done: 1, total: 2 });
  onProgress({ stage: 'weights', done: 2, total: 2 });
  if (options.modelDir === 'malformed') throw new CheckpointError('config.json', 'vocab_size', 'is missing');
  return fakeModel(SHAPE, new MisbehavingRunner(options.modelDir));
};

if (parentPort === null) throw new Error('runs in a worker thread');
runWorker(parentPort, createRunner);
