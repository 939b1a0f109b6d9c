import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { openGguf } from '#halflight/checkpoint/gguf/checkpoint.js';
import { planFor } from '#halflight/engine/offload-plan.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { loadModel } from '#halflight/model/load.js';
import { expertBytes, layerMatrixBytes, numElements, weightBytes } from '#halflight/model/weight-bytes.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { nullDevice } from '../support/device.js';
import { smallGguf } from '../support/gguf.js';
import { fable } from '../support/models.js';
import { EXPERT_MODELS, tinyDir } from '../support/tiny.js';

const device = await nullDevice();
t.teardown(() => device.destroy());

for (const name of [null, 'int8', 'int4', 'int4-g128-asym']) {
  t.test(`the bytes of ${name ?? 'the own format'} are what the device’s ledger says`, async (t) => {
    const config = await parseModelConfig(fable);
    const checkpoint = await openCheckpoint(fable);
    const ops = new WebGpuOps(device, 'f32');
    const quantization = name === null ? null : parseQuantization(name);
    await loadModel(ops, checkpoint, config, { quantization, maxModelLen: 99, onBytes: () => undefined });
    const bytes = weightBytes(checkpoint, config, quantization, 99);
    const excess = ops.memory().weights - bytes;
    // A buffer is rounded up to 16 bytes, and a matrix has at most three: codes, scales, zero points.
    t.ok(excess >= 0 && excess < 3 * 16 * checkpoint.tensors.size, `${bytes} bytes and ${excess} more`);
    await checkpoint.close();
  });
}

t.test(
  'the bytes of a GGUF file are those of its codes, or of f32 where the device has no reader for them',
  async (t) => {
    const file = join(t.testdir({}), 'm.gguf');
    await writeFile(file, smallGguf().bytes);
    const config = await parseModelConfig(file);
    const checkpoint = await openGguf(file);
    const ops = new WebGpuOps(device, 'f32');
    await loadModel(ops, checkpoint, config, {
      quantization: null,
      maxModelLen: 9,
      onBytes: () => undefined,
    });
    const excess = ops.memory().weights - weightBytes(checkpoint, config, null, 9);
    t.ok(excess >= 0 && excess < 3 * 16 * checkpoint.tensors.size, `${excess} more`);
    await checkpoint.close();
  },
);

for (const name of [null, 'int4']) {
  t.test(
    `the matrices of a layer take what the host holds of it, ${name ?? 'in the own format'}`,
    async (t) => {
      const config = await parseModelConfig(fable);
      const checkpoint = await openCheckpoint(fable);
      const ops = new WebGpuOps(device, 'f32');
      const quantization = name === null ? null : parseQuantization(name);
      const options = { quantization, maxModelLen: 99, onBytes: () => undefined };
      const layers = layerMatrixBytes(checkpoint, config, quantization);
      const { bring } = await loadModel(ops, checkpoint, config, { ...options, numHostLayers: 3 });
      const held = bring.flat();
      t.equal(held.length, 3);
      const bytes = [...layers[1].values()].reduce((sum, size) => sum + size, 0);
      t.ok(held.every((host) => host.bytes === bytes));
      const { deviceBytes } = planFor(
        { weights: weightBytes(checkpoint, config, quantization, 99), layers },
        3,
      );
      const excess = ops.memory().weights - deviceBytes;
      t.ok(
        excess >= 0 && excess < 3 * 16 * checkpoint.tensors.size,
        `${deviceBytes} bytes and ${excess} more`,
      );
      await checkpoint.close();
    },
  );
}

for (const model of EXPERT_MODELS) {
  for (const name of [null, 'int4']) {
    t.test(
      `the bytes of ${model}'s experts are what the ledger says, ${name ?? 'unquantized'}`,
      async (t) => {
        const dir = tinyDir(model);
        const config = await parseModelConfig(dir);
        const checkpoint = await openCheckpoint(dir);
        const ops = new WebGpuOps(device, 'f32');
        const quantization = name === null ? null : parseQuantization(name);
        await loadModel(ops, checkpoint, config, { quantization, maxModelLen: 99, onBytes: () => undefined });
        const excess = ops.memory().weights - weightBytes(checkpoint, config, quantization, 99);
        t.ok(excess >= 0 && excess < 3 * 16 * checkpoint.tensors.size, `${excess} more`);
        await checkpoint.close();
      },
    );
  }
}

t.test('the bytes of experts are those of their matrices, routers and biases apart', async (t) => {
  for (const [model, numLayers, perExpert] of [
    ['mixtral', 3, 4 * 3 * 64 * 128],
    ['qwen3_moe', 2, 8 * 3 * 64 * 64],
    ['gpt_oss', 4, 4 * 3 * 64 * 128],
  ] as const) {
    const checkpoint = await openCheckpoint(tinyDir(model));
    const config = await parseModelConfig(tinyDir(model));
    t.equal(expertBytes(checkpoint, config, null), 2 * numLayers * perExpert, model);
    await checkpoint.close();
  }
});

t.test('a shape holds the product of its sizes', (t) => {
  t.strictSame([[2, 3], [7], []].map(numElements), [6, 7, 1]);
  t.end();
});
