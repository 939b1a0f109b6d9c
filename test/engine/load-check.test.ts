import t from 'tap';
import { type Backend, cpuBackend } from '#halflight/engine/backend.js';
import { loadDeviceModel } from '#halflight/engine/device-model.js';
import { checkKernels } from '#halflight/engine/load-check.js';
import type { EngineOptions } from '#halflight/engine/options.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import type { Weight } from '#halflight/ops/ops.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { testDevice } from '../support/device.js';
import { TINY_MODELS, type TinyModel, tinyOptions } from '../support/tiny.js';

// The first compilation of all kernels takes a software adapter half a minute or more.
t.setTimeout(200_000);

const CAPACITY = { maxLogits: 9, maxSampled: 1 };
const SIZES = [1, 4, 9];

function onCpu(model: TinyModel, changes: Partial<EngineOptions> = {}, ops = new CpuOps()) {
  const backend = { ...cpuBackend(), ops };
  return loadDeviceModel(backend, tinyOptions(model, changes), CAPACITY, () => undefined);
}

t.test('the reference passes for every family and way of rounding', async (t) => {
  for (const model of TINY_MODELS) await checkKernels(await onCpu(model), SIZES);
  for (const quantization of ['int8', 'int4-g64-asym', 'w4a8'])
    for (const model of ['llama', 'gpt_oss'] as const)
      await checkKernels(await onCpu(model, { quantization }), SIZES);
  t.pass('none is refused');
});

/** Stands for a decoder that is wrong for one weight: one value of its last row is another. */
class WrongDecode extends CpuOps {
  constructor(
    readonly rows: number,
    readonly value: number,
  ) {
    super();
  }

  override async loadWeight(...args: Parameters<CpuOps['loadWeight']>): Promise<Weight<Float64Array>> {
    const weight = await super.loadWeight(...args);
    if (weight.rows === this.rows) weight.parts[0].codes[weight.rows * weight.cols - 1] = this.value;
    return weight;
  }
}

t.test('a weight that is decoded wrongly is refused with tensor and figures', async (t) => {
  for (const [rows, name] of [
    [128, 'model.layers.0.self_attn.v_proj.weight'],
    [256, 'model.layers.0.mlp.gate_proj.weight, model.layers.0.mlp.up_proj.weight'],
    [2048, 'model.embed_tokens.weight'],
  ] as const) {
    const device = await onCpu('llama', {}, new WrongDecode(rows, 1));
    await t.rejects(checkKernels(device, SIZES), {
      name: 'LoadCheckError',
      tensor: name,
      problem: /^output \d+ of token \d is -?[\d.]+, and the reference has -?[\d.]+ ± /,
    });
  }
});

t.test('experts are checked too, of each layer the first and the last', async (t) => {
  for (const [model, rows, name] of [
    [
      'mixtral',
      1024,
      /^model\.layers\.0\.block_sparse_moe\.experts\.3\.w1\.weight, .*experts\.3\.w3\.weight$/,
    ],
    ['gpt_oss', 256, /^model\.layers\.0\.mlp\.experts\.down_proj$/],
    ['qwen3_moe', 8, /^model\.layers\.0\.mlp\.gate\.weight$/],
  ] as const) {
    const device = await onCpu(model, {}, new WrongDecode(rows, 1));
    await t.rejects(checkKernels(device, SIZES), { name: 'LoadCheckError', tensor: name }, model);
  }
});

t.test('a model whose logits are not all numbers is refused by the tensor that makes them so', async (t) => {
  await t.rejects(onCpu('llama', {}, new WrongDecode(256, Number.NaN)), {
    name: 'LoadCheckError',
    tensor: /up_proj/,
    message: /infinite or not a number/,
  });
});

t.test('a backend that is not the reference is checked when it loads', async (t) => {
  const backend = { ...cpuBackend(), ops: new WrongDecode(128, 1), isReference: false };
  const loading = loadDeviceModel(backend, tinyOptions('llama'), CAPACITY, () => undefined);
  await t.rejects(loading, { name: 'LoadCheckError', tensor: /v_proj/ });
});

t.test('words that have changed on a GPU are found by the kernel that reads them', async (t) => {
  const device = await testDevice();
  const ops = new WebGpuOps(device, 'f32');
  const backend: Backend<GPUBuffer> = { ...cpuBackend(), ops, autotune: null, isReference: false };
  const options = tinyOptions('llama', { quantization: 'int4' });
  const loaded = await loadDeviceModel(backend, options, CAPACITY, () => undefined);
  const { layers, embedding } = loaded.model;
  /** Damages the last words of codes or scales, and mends them after the check. */
  const damaged = async (buffer: GPUBuffer | null, tensor: RegExp, kernel: RegExp, word = 0x7fff7fff) => {
    if (buffer === null) throw new Error('nothing to damage');
    const held = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
    const copy = (from: GPUBuffer, at: number, to: GPUBuffer, toAt: number) => {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(from, at, to, toAt, 16);
      device.queue.submit([encoder.finish()]);
    };
    copy(buffer, buffer.size - 16, held, 0);
    device.queue.writeBuffer(buffer, buffer.size - 16, new Uint32Array(4).fill(word));
    await t.rejects(checkKernels(loaded, SIZES), { name: 'LoadCheckError', tensor, kernel });
    copy(held, 0, buffer, buffer.size - 16);
  };
  await damaged(layers[0].qkv.weight.parts[0].codes, /v_proj/, /^linear_tile int4 /);
  await damaged(layers[0].down.weight.parts[0].scales, /down_proj/, /^linear_tile int4 /, 0x3c003c00);
  // Infinities and NaN of bf16.
  await damaged(embedding.parts[0].codes, /embed_tokens/, /^embed bf16 /);
  await damaged(layers[0].o.weight.parts[0].scales, /o_proj/, /^linear_tile int4 /, 0x7c007e00);
  await checkKernels(loaded, SIZES);
  ops.destroy();
});
