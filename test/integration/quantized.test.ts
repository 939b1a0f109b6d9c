import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { isDtype } from '#halflight/checkpoint/dtypes.js';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { cpuBackend } from '#halflight/engine/backend.js';
import { enqueueForward, loadDeviceModel } from '#halflight/engine/device-model.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { loadModel } from '#halflight/model/load.js';
import { weightBytes } from '#halflight/model/weight-bytes.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { f16Value } from '#halflight/quant/half.js';
import type { WeightFormat } from '#halflight/quant/weight.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { type Coded, packedTensors, roundedCodes, valuesOf } from '../checkpoint/quantized/packers.js';
import { firstDifference } from '../support/compare.js';
import { nullDevice } from '../support/device.js';
import { int4Methods } from '../support/int4-methods.js';
import { editConfig, fable, temporaryFolder } from '../support/models.js';

t.setTimeout(300_000);

const NUM_LAYERS = 1;
const PROMPT = [0, 17, 254, 1023, 88, 3];

const METHODS = int4Methods(['Linear']);

const LINEAR = /^model\.layers\.(\d+)\..*_proj\.weight$/;

/** The bundled model's layers, rounded to codes; other tensors stay as they are. */
async function fableCodes(
  formatOf: (name: string) => WeightFormat,
): Promise<{ plain: TensorData[]; coded: Map<string, Coded> }> {
  const source = await openSafetensors(join(fable, 'model.safetensors'));
  const plain: TensorData[] = [];
  const coded = new Map<string, Coded>();
  for (const { name, dtype, shape } of source.tensors.values()) {
    if (Number(/layers\.(\d+)/.exec(name)?.[1] ?? 0) >= NUM_LAYERS) continue;
    if (LINEAR.test(name)) coded.set(name, roundedCodes(await source.readF32(name), shape, formatOf(name)));
    else if (isDtype(dtype)) plain.push({ name, dtype, shape, data: (await source.read(name)).data });
  }
  await source.close();
  return { plain, coded };
}

async function writeModel(t: Test, tensors: readonly TensorData[], changes: object): Promise<string> {
  const dir = await temporaryFolder(t);
  for (const file of ['config.json', 'generation_config.json', 'tokenizer.json']) {
    await cp(join(fable, file), join(dir, file));
  }
  await editConfig(dir, { num_hidden_layers: NUM_LAYERS, ...changes });
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
  return dir;
}

/** Logits of the last token of a prompt, on the CPU in f64. */
async function logitsOf(modelDir: string): Promise<Float64Array> {
  const options = { ...ENGINE_DEFAULTS, modelDir, maxModelLen: 32, maxNumBatchedTokens: 16, maxNumSeqs: 1 };
  const device = await loadDeviceModel(
    cpuBackend(),
    options,
    { maxLogits: 1, maxSampled: 1 },
    () => undefined,
  );
  const numTokens = PROMPT.length;
  device.backend.ops.writeBatch(device.batch, {
    numTokens,
    numSequences: 1,
    tokenIds: Uint32Array.from(PROMPT),
    positions: Uint32Array.from(PROMPT.keys()),
    slotMapping: Uint32Array.from(PROMPT.keys()),
    sequenceIds: new Uint32Array(numTokens),
    blockTables: new Uint32Array(device.plan.maxBlocksPerSequence),
    logitsRows: Uint32Array.of(numTokens - 1),
    sampling: [],
    scoring: [],
  });
  enqueueForward(device, { numTokens, numLogits: 1, previous: device.noResults });
  return device.activations.logits.data.slice(0, 2048);
}

const { plain, coded } = await fableCodes(() => parseQuantization('int4-g32-asym'));

t.test('the bundled model repacked in each format gives the logits of its dequantized weights', async (t) => {
  const floats = [...coded].map(([name, matrix]): TensorData => {
    return { name, dtype: 'F32', shape: [matrix.rows, matrix.cols], data: valuesOf(matrix) };
  });
  const expected = await logitsOf(await writeModel(t, [...plain, ...floats], {}));
  t.ok(expected.some((logit) => Math.abs(logit) > 1));
  for (const [name, { pack, config }] of Object.entries(METHODS)) {
    const tensors = [...coded].flatMap(([tensor, matrix]) => pack(tensor.replace(/\.weight$/, ''), matrix));
    const got = await logitsOf(await writeModel(t, [...plain, ...tensors], { quantization_config: config }));
    // A 4-bit code times an f16 scale has 15 bits, exact in f32 too: the same numbers in the same order, so no tolerance.
    t.strictSame(got, expected, name);
  }
});

const device = await nullDevice();
t.teardown(() => device.destroy());

for (const name of [null, 'int8']) {
  t.test(
    `the device’s ledger holds what was planned for a checkpoint in codes, asked for ${name}`,
    async (t) => {
      const { pack, config } = METHODS.gptq;
      const tensors = [...coded].flatMap(([tensor, matrix]) => pack(tensor.replace(/\.weight$/, ''), matrix));
      const dir = await writeModel(t, [...plain, ...tensors], { quantization_config: config });
      const checkpoint = await openModelCheckpoint(dir);
      const model = await parseModelConfig(dir);
      const ops = new WebGpuOps(device, 'f32');
      const quantization = name === null ? null : parseQuantization(name);
      let read = 0;
      const onBytes = (bytes: number) => {
        read = bytes;
      };
      await loadModel(ops, checkpoint, model, { quantization, maxModelLen: 99, onBytes });
      const planned = weightBytes(checkpoint, model, quantization, 99);
      const excess = ops.memory().weights - planned;
      // A buffer is rounded up to 16 bytes, and a matrix has at most three: codes, scales, zero points.
      t.ok(excess >= 0 && excess < 3 * 16 * checkpoint.tensors.size, `${planned} bytes and ${excess} more`);
      // Codes are kept whatever is asked for: with 8 bits the layers' matrices alone would take more than that.
      const numWeights = [...coded.values()].reduce((sum, { rows, cols }) => sum + rows * cols, 0);
      const others = plain.reduce((sum, { data }) => sum + data.byteLength, 0);
      t.ok(planned < others + 99 * 64 * 4 + numWeights * 0.7, `${planned} bytes`);
      t.equal(
        read,
        [...checkpoint.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      );
      await checkpoint.close();
    },
  );
}

/** Formats that `--quantization` has no name for, by the modules that get them. Scales go to the file as F32, or F16 where it says so. */
const MIXED: readonly {
  targets: RegExp;
  bits: 4 | 8;
  groupSize: number | null;
  zeroPoints: boolean;
  f16: boolean;
}[] = [
  { targets: /[qkv]_proj/, bits: 4, groupSize: null, zeroPoints: false, f16: false },
  { targets: /o_proj/, bits: 8, groupSize: 32, zeroPoints: true, f16: true },
  { targets: /gate_proj|up_proj/, bits: 4, groupSize: 64, zeroPoints: true, f16: false },
  { targets: /down_proj/, bits: 8, groupSize: null, zeroPoints: true, f16: false },
];

function mixedFormat(name: string): WeightFormat {
  const { bits, groupSize, zeroPoints } = MIXED.find(({ targets }) => targets.test(name)) ?? MIXED[0];
  return { reader: bits === 4 ? 'int4' : 'int8', bits, groupSize, scaleType: 'f16', zeroPoints };
}

/** Modules whose groups are of scattered columns. */
const SCATTERED = /o_proj/;

const mixedConfig = {
  quant_method: 'compressed-tensors',
  format: 'pack-quantized',
  config_groups: Object.fromEntries(
    MIXED.map(({ targets, bits, groupSize, zeroPoints }, i) => [
      `group_${i}`,
      {
        targets: [`re:.*(${targets.source})`],
        weights: {
          num_bits: bits,
          type: 'int',
          symmetric: !zeroPoints,
          strategy: groupSize === null ? 'channel' : 'group',
          group_size: groupSize,
          actorder: SCATTERED.test(targets.source) ? 'group' : null,
        },
      },
    ]),
  ),
};

/** Every eighth column is of one group. */
function groupIndex(module: string, { cols, groupSize }: Coded): TensorData {
  const data = Int32Array.from({ length: cols }, (_, k) => k % (cols / groupSize));
  return { name: `${module}.weight_g_idx`, dtype: 'I32', shape: [cols], data };
}

function mixedTensors(name: string, matrix: Coded): TensorData[] {
  const { zeroPoints, f16 } = MIXED.find(({ targets }) => targets.test(name)) ?? MIXED[0];
  const module = name.replace(/\.weight$/, '');
  const packed = packedTensors(module, matrix, !zeroPoints);
  const tensors = SCATTERED.test(name) ? [...packed, groupIndex(module, matrix)] : packed;
  if (f16) return tensors;
  return tensors.map((tensor) =>
    tensor.dtype === 'F16'
      ? { ...tensor, dtype: 'F32', data: Float32Array.from(matrix.scales, f16Value) }
      : tensor,
  );
}

t.test('mixed groups give on the GPU the logits of the CPU reference', async (t) => {
  const mixed = await fableCodes(mixedFormat);
  const tensors = [...mixed.coded].flatMap(([name, matrix]) => mixedTensors(name, matrix));
  const modelDir = await writeModel(t, [...mixed.plain, ...tensors], { quantization_config: mixedConfig });
  const logitsOn = async (device: EngineOptions['device']) => {
    const options: EngineOptions = {
      ...ENGINE_DEFAULTS,
      modelDir,
      maxModelLen: 32,
      device,
      computeType: 'float32',
    };
    const model = await createLogitsModel(options, () => undefined);
    const logits = await model.logits(PROMPT);
    model.destroy();
    return logits;
  };
  const [got, expected] = [await logitsOn('webgpu'), await logitsOn('cpu')];
  // The same codes on both sides, each with its own order of f32 sums: as between the GPU and the reference models, logits up to 20.
  t.equal(firstDifference(got, expected, { absolute: 2e-4, relative: 2e-4 }), null);
});
