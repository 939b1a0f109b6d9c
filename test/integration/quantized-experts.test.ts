import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { isDtype } from '#halflight/checkpoint/dtypes.js';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { loadModel } from '#halflight/model/load.js';
import { weightBytes } from '#halflight/model/weight-bytes.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { formatName, parseQuantization } from '#halflight/quant/formats.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { type Coded, gptqTensors, roundedCodes, valuesOf } from '../checkpoint/quantized/packers.js';
import { firstDifference } from '../support/compare.js';
import { nullDevice } from '../support/device.js';
import { GROUP, int4Methods } from '../support/int4-methods.js';
import { editConfig, temporaryFolder } from '../support/models.js';
import { TOLERANCES } from '../support/references.js';
import { referenceRuns, tinyDir } from '../support/tiny.js';

t.setTimeout(280_000);

const METHODS = int4Methods(['Linear'], ['re:.*mlp.gate$']);

/** Matrices of attention, of the dense layer and of experts; routers stay floats, as writers leave them. */
const LINEAR = /_proj\.weight$/;

async function writeModel(
  t: Test,
  convert: (name: string, coded: Coded) => TensorData[],
  changes: object,
): Promise<string> {
  const dir = await temporaryFolder(t);
  const source = await openSafetensors(join(tinyDir('qwen3_moe'), 'model.safetensors'));
  const tensors: TensorData[] = [];
  for (const { name, dtype, shape } of source.tensors.values()) {
    if (LINEAR.test(name)) {
      const format = parseQuantization('int4-g32-asym');
      tensors.push(...convert(name, roundedCodes(await source.readF32(name), shape, format)));
    } else if (isDtype(dtype)) {
      tensors.push({ name, dtype, shape, data: (await source.read(name)).data });
    }
  }
  await source.close();
  await cp(join(tinyDir('qwen3_moe'), 'config.json'), join(dir, 'config.json'));
  await editConfig(dir, { ...changes });
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
  return dir;
}

const OPTIONS = { quantization: null, maxModelLen: 8, onBytes: () => undefined };

/** Every matrix of the layers, decoded. */
async function weightsOf(dir: string): Promise<Float64Array[]> {
  const checkpoint = await openModelCheckpoint(dir);
  const { layers } = await loadModel(new CpuOps(), checkpoint, await parseModelConfig(dir), OPTIONS);
  await checkpoint.close();
  return layers.flatMap(({ qkv, o, gateUp, down }) =>
    [qkv, o, gateUp, down].map(({ weight }) => weight.parts[0].codes),
  );
}

t.test('experts in every format have the weights of their dequantized modules', async (t) => {
  const floats = (name: string, coded: Coded): TensorData[] => [
    { name, dtype: 'F32', shape: [coded.rows, coded.cols], data: valuesOf(coded) },
  ];
  const expected = await weightsOf(await writeModel(t, floats, {}));
  for (const [format, { pack, config }] of Object.entries(METHODS)) {
    const packed = (name: string, coded: Coded) => pack(name.replace(/\.weight$/, ''), coded);
    const dir = await writeModel(t, packed, { quantization_config: config });
    t.strictSame(await weightsOf(dir), expected, format);
  }
});

t.test('codes of scattered columns are decoded, and rounded where that is asked for', async (t) => {
  // Neighbours are in different groups.
  const groupsOf = ({ cols }: Coded) => Array.from({ length: cols }, (_, k) => k % (cols / GROUP));
  const packed = (name: string, coded: Coded) =>
    gptqTensors(name.replace(/\.weight$/, ''), coded, 1, groupsOf(coded));
  const floats = (name: string, coded: Coded): TensorData[] => [
    { name, dtype: 'F32', shape: [coded.rows, coded.cols], data: valuesOf(coded, groupsOf(coded)) },
  ];
  const expected = await weightsOf(await writeModel(t, floats, {}));
  const dir = await writeModel(t, packed, {
    quantization_config: { ...METHODS.gptq.config, desc_act: true },
  });
  t.strictSame(await weightsOf(dir), expected);
  const checkpoint = await openModelCheckpoint(dir);
  const config = await parseModelConfig(dir);
  for (const name of [null, 'int8']) {
    const ops = new WebGpuOps(await nullDevice(), 'f32');
    const quantization = name === null ? null : parseQuantization(name);
    const { layers } = await loadModel(ops, checkpoint, config, { ...OPTIONS, quantization });
    t.equal(formatName(layers[0].gateUp.weight.parts[0].format), name ?? 'f32');
    // Orders of 64 columns are planned for each of q, k, v, gate and up, and shared by those of a product.
    const shared = 4 * 64 * (3 * 2 + 1);
    const excess = ops.memory().weights - weightBytes(checkpoint, config, quantization, 8) + shared;
    t.ok(excess >= 0 && excess < 4 * 16 * checkpoint.tensors.size, `${excess} bytes more than planned`);
    ops.destroy();
  }
  await checkpoint.close();
});

t.test('codes of all experts of a layer are one part on the device', async (t) => {
  const { pack, config } = METHODS.gptq;
  const packed = (name: string, coded: Coded) => pack(name.replace(/\.weight$/, ''), coded);
  const dir = await writeModel(t, packed, { quantization_config: config });
  const checkpoint = await openModelCheckpoint(dir);
  const ops = new WebGpuOps(await nullDevice(), 'f32');
  const { layers } = await loadModel(ops, checkpoint, await parseModelConfig(dir), OPTIONS);
  const parts = layers[0].gateUp.weight.parts.map(({ rows, format }) => `${rows} ${formatName(format)}`);
  t.strictSame(parts, ['1024 int4-g32-asym']);
  ops.destroy();
  await checkpoint.close();
});

// The reference has no quantized runs, so the f64 reference of the operations stands in: the same codes, so the same tolerance. No activation of
// this prompt lies so close to the middle between two INT8 codes that f32 and f64 round it apart.
for (const [model, quantization] of [
  ['gpt_oss', 'int4'],
  ['qwen3_moe', 'w8a8'],
] as const) {
  t.test(`${model} in ${quantization} gives on the GPU the logits of the CPU reference`, async (t) => {
    t.setTimeout(280_000);
    const options = { ...ENGINE_DEFAULTS, modelDir: tinyDir(model), maxModelLen: 160, quantization };
    const [, , { promptTokenIds }] = await referenceRuns(options.modelDir);
    const logitsOn = async (device: EngineOptions['device']) => {
      const loaded = await createLogitsModel({ ...options, device, computeType: 'float32' }, () => undefined);
      const logits = await loaded.logits(promptTokenIds);
      loaded.destroy();
      return logits;
    };
    const [got, expected] = [await logitsOn('webgpu'), await logitsOn('cpu')];
    t.equal(firstDifference(got, expected, TOLERANCES.float32), null);
  });
}
