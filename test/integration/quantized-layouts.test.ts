import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { isDtype } from '#halflight/checkpoint/dtypes.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { transposed } from '#halflight/model/matrix-layout.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { f16Value } from '#halflight/quant/half.js';
import type { WeightFormat } from '#halflight/quant/weight.js';
import {
  type Coded,
  gptqTensors,
  packedTensors,
  roundedCodes,
  valuesOf,
} from '../checkpoint/quantized/packers.js';
import { int4Methods } from '../support/int4-methods.js';
import { editConfig, temporaryFolder } from '../support/models.js';
import { tinyDir, tinyOptions } from '../support/tiny.js';

// On a busy machine; alone it takes seconds.
t.setTimeout(280_000);

/** Families whose matrices do not lie in rows of all outputs of q, then k, then v. */
type Model = 'gpt2' | 'gpt_neox';
const MATRICES: Readonly<Record<Model, RegExp>> = {
  gpt2: /\.(c_attn|c_proj|c_fc)\.weight$/,
  gpt_neox: /\.(query_key_value|dense|dense_h_to_4h|dense_4h_to_h)\.weight$/,
};
/** One scale per row, as bitsandbytes has them. */
const INT8: WeightFormat = { reader: 'int8', bits: 8, groupSize: null, scaleType: 'f16', zeroPoints: false };
const PROMPT = [3, 17, 254, 1023, 88];

interface Codes {
  readonly plain: readonly TensorData[];
  /** By module; `[outputs][inputs]`, outputs in the order of the checkpoint. */
  readonly coded: ReadonlyMap<string, Coded>;
}

async function codesOf(model: Model, format = parseQuantization('int4-g32-asym')): Promise<Codes> {
  const source = await openSafetensors(join(tinyDir(model), 'model.safetensors'));
  const plain: TensorData[] = [];
  const coded = new Map<string, Coded>();
  for (const { name, dtype, shape } of source.tensors.values()) {
    if (!isDtype(dtype)) throw new Error(dtype);
    if (!MATRICES[model].test(name)) {
      plain.push({ name, dtype, shape, data: (await source.read(name)).data });
      continue;
    }
    const values = await source.readF32(name);
    const [rows, cols] = model === 'gpt2' ? shape.toReversed() : shape;
    const byOutputs = model === 'gpt2' ? transposed(values, rows) : values;
    const matrix = roundedCodes(byOutputs, [rows, cols], format);
    coded.set(name.replace(/\.weight$/, ''), matrix);
  }
  await source.close();
  return { plain, coded };
}

/** The matrix as the family stores floats. */
function floats(model: Model, name: string, { rows, cols }: Coded, values: Float32Array): TensorData {
  const isTurned = model === 'gpt2';
  const data = isTurned ? transposed(Float32Array.from(values), cols) : Float32Array.from(values);
  return { name: `${name}.weight`, dtype: 'F32', shape: isTurned ? [cols, rows] : [rows, cols], data };
}

async function logitsOf(
  t: Test,
  model: Model,
  tensors: readonly TensorData[],
  quantization: object | null,
  rounding: string | null = null,
): Promise<Float32Array> {
  const modelDir = await temporaryFolder(t);
  await cp(join(tinyDir(model), 'config.json'), join(modelDir, 'config.json'));
  if (quantization !== null) await editConfig(modelDir, { quantization_config: quantization });
  await writeSafetensors(join(modelDir, 'model.safetensors'), tensors);
  const options = tinyOptions(model, {
    modelDir,
    device: 'cpu',
    computeType: 'float32',
    quantization: rounding,
  });
  const device = await createLogitsModel(options, () => undefined);
  const logits = await device.logits(PROMPT);
  device.destroy();
  return logits;
}

const METHODS = int4Methods(['re:.*']);

for (const model of ['gpt2', 'gpt_neox'] as const) {
  t.test(`${model} in codes gives the logits of its dequantized weights`, async (t) => {
    t.setTimeout(120_000);
    const { plain, coded } = await codesOf(model);
    const decoded = [...coded].map(([name, matrix]) => floats(model, name, matrix, valuesOf(matrix)));
    const expected = await logitsOf(t, model, [...plain, ...decoded], null);
    for (const [name, { pack, config }] of Object.entries(METHODS)) {
      // compressed-tensors leaves transposed matrices as they lie: that is the next test.
      if (model === 'gpt2' && name === 'compressed-tensors') continue;
      const tensors = [...coded].flatMap(([module, matrix]) => pack(module, matrix));
      // A 4-bit code times an f16 scale is exact in f32: the same numbers in the same order, so no tolerance.
      t.strictSame(await logitsOf(t, model, [...plain, ...tensors], config), expected, name);
    }
  });

  t.test(`${model} in bitsandbytes' INT8 gives the logits of its dequantized weights`, async (t) => {
    t.setTimeout(120_000);
    const { plain, coded } = await codesOf(model, INT8);
    const [packed, decoded]: TensorData[][] = [[], []];
    for (const [module, matrix] of coded) {
      const { rows, cols, codes, scales } = matrix;
      const maxima = Float32Array.from(scales, (scale) => 127 * f16Value(scale));
      const signed = Int8Array.from(codes, (code) => code - 128);
      packed.push({ name: `${module}.weight`, dtype: 'I8', shape: [rows, cols], data: signed });
      packed.push({ name: `${module}.SCB`, dtype: 'F32', shape: [rows], data: maxima });
      const values = Float32Array.from(
        signed,
        (code, i) => code * Math.fround(maxima[Math.floor(i / cols)] / 127),
      );
      decoded.push(floats(model, module, matrix, values));
    }
    const expected = await logitsOf(t, model, [...plain, ...decoded], null);
    const config = { quant_method: 'bitsandbytes', load_in_8bit: true };
    t.strictSame(await logitsOf(t, model, [...plain, ...packed], config), expected);
  });

  t.test(`${model} rounded while it is loaded has the weights of that rounding`, async (t) => {
    t.setTimeout(120_000);
    const { plain, coded } = await codesOf(model);
    const source = await openSafetensors(join(tinyDir(model), 'model.safetensors'));
    const matrices: TensorData[] = [];
    for (const module of coded.keys()) {
      const { info, data } = await source.read(`${module}.weight`);
      if (isDtype(info.dtype)) matrices.push({ ...info, dtype: info.dtype, data });
    }
    await source.close();
    const decoded = [...coded].map(([name, matrix]) => floats(model, name, matrix, valuesOf(matrix)));
    const expected = await logitsOf(t, model, [...plain, ...decoded], null);
    t.strictSame(await logitsOf(t, model, [...plain, ...matrices], null, 'int4-g32-asym'), expected);
  });
}

t.test('codes of a transposed matrix as it lies are decoded', async (t) => {
  t.setTimeout(120_000);
  const { plain, coded } = await codesOf('gpt2');
  const [packed, decoded]: TensorData[][] = [[], []];
  for (const [module, matrix] of coded) {
    const { rows: cols, cols: rows } = matrix;
    const turned = roundedCodes(
      transposed(valuesOf(matrix), rows),
      [rows, cols],
      parseQuantization('int4-g32-asym'),
    );
    packed.push(...packedTensors(module, turned, false));
    decoded.push({ name: `${module}.weight`, dtype: 'F32', shape: [rows, cols], data: valuesOf(turned) });
  }
  const expected = await logitsOf(t, 'gpt2', [...plain, ...decoded], null);
  t.strictSame(
    await logitsOf(t, 'gpt2', [...plain, ...packed], METHODS['compressed-tensors'].config),
    expected,
  );
});

t.test('a matrix in codes of another shape is refused by name', async (t) => {
  const { plain, coded } = await codesOf('gpt2');
  const [module, matrix] = [...coded][0];
  const half = { ...matrix, rows: matrix.rows / 2, codes: matrix.codes.slice(0, matrix.codes.length / 2) };
  const groups = matrix.zeros.length / 2;
  const cut = { ...half, zeros: matrix.zeros.slice(0, groups), scales: matrix.scales.slice(0, groups) };
  const tensors = [...plain, ...gptqTensors(module, cut, 1)];
  await t.rejects(logitsOf(t, 'gpt2', tensors, METHODS.gptq.config), {
    name: 'CheckpointError',
    message: /h\.0\.attn\.c_attn\.weight: shape \[96,64\], but config\.json asks for \[192,64\]/,
  });
});
