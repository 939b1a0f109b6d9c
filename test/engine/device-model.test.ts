import t from 'tap';
import { type Backend, cpuBackend } from '#halflight/engine/backend.js';
import { enqueueForward, loadDeviceModel } from '#halflight/engine/device-model.js';
import type { EngineOptions, LoadProgress } from '#halflight/engine/options.js';
import type { Batch } from '#halflight/ops/ops.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { nullOps, testDevice } from '../support/device.js';
import { type TinyModel, tinyOptions } from '../support/tiny.js';

// The first compilation of all kernels takes a software adapter half a minute or more.
t.setTimeout(200_000);

const ONE = { maxLogits: 1, maxSampled: 1 };

t.test(
  'a model comes with caches, activations and a batch of the size that its options ask for',
  async (t) => {
    const options = tinyOptions('llama', { maxNumSeqs: 3, maxNumBatchedTokens: 20 });
    const device = await loadDeviceModel(
      cpuBackend(),
      options,
      { maxLogits: 5, maxSampled: 2 },
      () => undefined,
    );
    t.match(device.plan, { maxModelLen: 160, numBlocks: 30, maxBlocksPerSequence: 10 });
    t.equal(device.caches.length, 3);
    t.match(device.caches[0], { numBlocks: 30, blockSize: 16, numKvHeads: 2, headDim: 16 });
    t.match(device.activations.logits, { rows: 7, cols: 2048 });
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
  await loadDeviceModel(cpuBackend(), tinyOptions('llama'), ONE, (step) => progress.push(step));
  const last = progress.at(-1);
  t.match(last, { stage: 'kernels', done: last?.total });
  t.ok(progress.slice(0, -1).every(({ stage }) => stage === 'weights'));
  t.equal(progress.at(-2)?.done, last?.total);
});

t.test('a model that cannot be used, and an unknown quantization, are refused', async (t) => {
  const load = (changes: object) =>
    loadDeviceModel(cpuBackend(), tinyOptions('llama', changes), ONE, () => undefined);
  await t.rejects(load({ modelDir: t.testdir() }), { name: 'CheckpointError' });
  await t.rejects(load({ quantization: 'int9' }), { name: 'UserError', message: /int9/ });
  await t.rejects(load({ maxModelLen: 513 }), { name: 'UserError', message: /--max-model-len/ });
});

t.test('the KV cache is of the type that is asked for, else of that of the activations', async (t) => {
  for (const [kvCacheDtype, type] of [
    ['auto', 'f32'],
    ['int8', 'int8'],
    ['int4', 'int4'],
  ]) {
    const options = { ...tinyOptions('llama'), kvCacheDtype } as EngineOptions;
    const device = await loadDeviceModel(cpuBackend(), options, ONE, () => undefined);
    t.ok(
      device.caches.every((cache) => cache.type === type),
      kvCacheDtype,
    );
  }
});

t.test('the KV cache fits what the device has left beside weights and activations', async (t) => {
  const load = (totalBytes: number, kvCacheMemoryBytes: number | null) => {
    const backend = { ...cpuBackend(), memory: { totalBytes, usedBytes: 0, maxShare: 1 } };
    const options = tinyOptions('llama', { gpuMemoryUtilization: 1, kvCacheMemoryBytes });
    return loadDeviceModel(backend, options, ONE, () => undefined);
  };
  const roomy = await load(2 ** 30, null);
  t.ok(roomy.plan.numBlocks >= 10, String(roomy.plan.numBlocks));
  await t.rejects(load(2 ** 20, null), { message: /^--gpu-memory-utilization: 1 of 1 MiB leaves 0 MiB / });
  const explicit = await load(2 ** 20, 2 ** 20);
  t.ok(explicit.plan.numBlocks >= 10, String(explicit.plan.numBlocks));
});

/** A chunk of a sequence, and a token at `position` of another. */
function chunkAndToken(numTokens: number, position: number): Batch {
  const positions = Uint32Array.from({ length: numTokens }, (_, i) => (i + 1) % numTokens);
  positions[numTokens - 1] = position;
  return {
    numTokens,
    numSequences: 2,
    tokenIds: new Uint32Array(numTokens),
    positions,
    slotMapping: new Uint32Array(numTokens),
    sequenceIds: positions.map((_, i) => (i === numTokens - 1 ? 1 : 0)),
    blockTables: new Uint32Array(20),
    logitsRows: new Uint32Array(0),
    sampling: [],
    scoring: [],
  };
}

/** Pipelines when the model is loaded, and after steps of many sizes, in short contexts and long ones. */
async function pipelinesOf(
  ops: WebGpuOps,
  model: TinyModel = 'llama',
  quantization: string | null = null,
): Promise<{ ready: number; later: number; kernels: Set<string> }> {
  const backend: Backend<GPUBuffer> = { ...cpuBackend(), ops, maxBindingBytes: 2 ** 27, autotune: null };
  const options = tinyOptions(model, { quantization });
  const device = await loadDeviceModel(backend, options, { maxLogits: 16, maxSampled: 16 }, () => undefined);
  const ready = ops.numPipelines;
  for (const numTokens of [1, 2, 3, 4, 5, 7, 16, 62, 64]) {
    for (const position of [0, 159]) {
      ops.writeBatch(device.batch, chunkAndToken(numTokens, position));
      for (const numLogits of [0, 1, 3, 16]) {
        enqueueForward(device, { numTokens, numLogits, previous: device.noResults });
      }
    }
  }
  await ops.read(device.activations.logits, 1);
  return { ready, later: ops.numPipelines, kernels: new Set(ops.pipelines.map(({ kernel }) => kernel)) };
}

for (const tuning of [{}, { gemmTokens: 16 }]) {
  t.test(`after loading no batch needs a kernel that is not ready, ${JSON.stringify(tuning)}`, async (t) => {
    t.setTimeout(200_000);
    const ops = new WebGpuOps(await testDevice(), 'f32', tuning);
    const { ready, later } = await pipelinesOf(ops);
    t.equal(later, ready);
    ops.destroy();
  });
}

t.test('nor does any on a GPU, where long contexts are split', async (t) => {
  const ops = await nullOps('f32');
  const { ready, later, kernels } = await pipelinesOf(ops);
  t.equal(later, ready);
  t.ok(kernels.has('attention_merge'));
  ops.destroy();
});

t.test('nor does any where subgroups multiply matrices, however many tokens there are', async (t) => {
  const ops = await nullOps('f16', {
    subgroupMatrix: { m: 16, n: 16, k: 16, maxLanes: 64 },
    matrixTokens: 2,
    gemmTokens: 2,
    gemmWorkgroups: 8,
    // Of a size that fits what every adapter has.
    matrixTiles: [
      { tokens: 16, outputs: 64, part: { tokens: 16, outputs: 16, stepBlocks: 2, sets: 1 } },
      { tokens: 64, outputs: 32, part: { tokens: 32, outputs: 16, stepBlocks: 2, sets: 1 } },
    ],
  });
  const { ready, later, kernels } = await pipelinesOf(ops);
  t.equal(later, ready);
  t.ok(kernels.has('linear_gemm'));
  ops.destroy();
});

for (const quantization of [null, 'w4a8']) {
  t.test(
    `nor does any of experts, however many tokens each gets, ${quantization ?? 'unquantized'}`,
    async (t) => {
      const ops = await nullOps('f16');
      const { ready, later, kernels } = await pipelinesOf(ops, 'mixtral', quantization);
      t.equal(later, ready);
      t.ok(kernels.has('group_routes'));
      t.ok(kernels.has(quantization === null ? 'linear_gemm' : 'linear_row_int8'));
      ops.destroy();
    },
  );
}
