import t from 'tap';
import { type Backend, cpuBackend } from '#halflight/engine/backend.js';
import { enqueueForward, loadDeviceModel } from '#halflight/engine/device-model.js';
import type { LoadProgress } from '#halflight/engine/options.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { testDevice } from '../support/device.js';
import { tinyOptions } from '../support/tiny.js';

// The first compilation of all kernels takes a software adapter half a minute or more.
t.setTimeout(200_000);

t.test(
  'a model comes with caches, activations and a batch of the size that its options ask for',
  async (t) => {
    const options = tinyOptions('llama', { maxNumSeqs: 3, maxNumBatchedTokens: 20 });
    const device = await loadDeviceModel(cpuBackend(), options, 5, () => undefined);
    t.match(device.plan, { maxModelLen: 160, numBlocks: 30, maxBlocksPerSequence: 10 });
    t.equal(device.caches.length, 3);
    t.match(device.caches[0], { numBlocks: 30, blockSize: 16, numKvHeads: 2, headDim: 16 });
    t.match(device.activations.logits, { rows: 5, cols: 2048 });
    t.equal(device.activations.qkv.rows, 20);
    t.match(device.batch.capacity, {
      maxTokens: 20,
      maxSequences: 3,
      maxBlocksPerSequence: 10,
      maxLogits: 5,
    });
  },
);

t.test('progress tells the bytes of the weights, then that kernels are made ready', async (t) => {
  const progress: LoadProgress[] = [];
  await loadDeviceModel(cpuBackend(), tinyOptions('llama'), 1, (step) => progress.push(step));
  const last = progress.at(-1);
  t.match(last, { stage: 'kernels', loadedBytes: last?.totalBytes });
  t.ok(progress.slice(0, -1).every(({ stage }) => stage === 'weights'));
  t.equal(progress.at(-2)?.loadedBytes, last?.totalBytes);
});

t.test('a model that cannot be used, and an unknown quantization, are refused', async (t) => {
  const load = (changes: object) =>
    loadDeviceModel(cpuBackend(), tinyOptions('llama', changes), 1, () => undefined);
  await t.rejects(load({ modelDir: t.testdir() }), { name: 'CheckpointError' });
  await t.rejects(load({ quantization: 'int3' }), { name: 'UserError', message: /int3/ });
  await t.rejects(load({ maxModelLen: 513 }), { name: 'UserError', message: /--max-model-len/ });
});

t.test('after loading no batch needs a kernel that is not ready', async (t) => {
  t.setTimeout(200_000);
  const ops = new WebGpuOps(await testDevice(), 'f32');
  const backend: Backend<GPUBuffer> = { ...cpuBackend(), ops, maxBindingBytes: 2 ** 27 };
  const device = await loadDeviceModel(backend, tinyOptions('llama'), 16, () => undefined);
  const numReady = ops.numPipelines;
  for (const numTokens of [1, 2, 3, 4, 5, 16, 64]) {
    for (const numLogits of [0, 1, 3, 16]) enqueueForward(device, numTokens, numLogits);
  }
  await ops.read(device.activations.logits, 1);
  t.equal(ops.numPipelines, numReady);
  ops.destroy();
});
