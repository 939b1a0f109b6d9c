import t from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { dequantize, formatName } from '#halflight/quant/formats.js';
import { fixture } from '../../support/paths.js';
import { survivesMutations } from './mutations.js';
import { openWritten, packedTensors, randomCoded, refusesWritten, sameCodes, valuesOf } from './packers.js';

const group = (weights: object, targets = ['Linear'], others: object = {}) => ({
  targets,
  weights: {
    num_bits: 4,
    type: 'int',
    symmetric: true,
    strategy: 'group',
    group_size: 32,
    dynamic: false,
    ...weights,
  },
  input_activations: null,
  ...others,
});
const config = (groups: Readonly<Record<string, object>>, changes: object = {}) => ({
  quant_method: 'compressed-tensors',
  format: 'pack-quantized',
  quantization_status: 'compressed',
  ignore: ['lm_head'],
  config_groups: groups,
  ...changes,
});

t.test('what the library itself has written reads as the library reads it', async (t) => {
  const dir = fixture('quantized/compressed-tensors');
  const checkpoint = await openModelCheckpoint(dir);
  const expected = await openSafetensors(`${dir}/expected.safetensors`);
  const formats: Record<string, string> = {};
  for (const name of expected.tensors.keys()) {
    const packed = await checkpoint.stored(`layers.${name}.weight`);
    // A code times a scale is one rounding to f32, of the same two factors: no tolerance.
    t.strictSame(packed && dequantize(packed), await expected.readF32(name), name);
    formats[name] = packed === null ? 'none' : formatName(packed.format);
  }
  t.strictSame(formats, {
    int4: 'int4-g32',
    int4_asym: 'int4-g32-asym',
    int3: 'int3-g32-asym',
    int6: 'int6',
    int8: 'int8',
    naive: 'int8',
    fp8: 'e4m3',
    mxfp4: 'mxfp4',
  });
  t.equal(await checkpoint.stored('lm_head.weight'), null);
  t.equal(checkpoint.tensors.get('layers.mxfp4.weight')?.storedAs, 'compressed-tensors MXFP4');
  await expected.close();
  await checkpoint.close();
});

for (const bits of [2, 3, 4, 5, 6, 7, 8]) {
  for (const symmetric of [true, false]) {
    for (const padded of [true, false]) {
      t.test(
        `${bits} bits${symmetric ? '' : ', asymmetric'}, ${padded ? 'padded words' : 'a stream'}: exact`,
        async (t) => {
          const coded = randomCoded({ rows: 20, cols: 96, bits, groupSize: 32, symmetric });
          const scheme = config({ group_0: group({ num_bits: bits, symmetric }) });
          const checkpoint = await openWritten(t, scheme, packedTensors('a', coded, symmetric, padded));
          const packed = await checkpoint.stored('a.weight');
          sameCodes(t, packed, coded);
          t.equal(packed?.format.zeroPoints, !symmetric);
          t.equal(checkpoint.tensors.get('a.weight')?.storedAs, `compressed-tensors INT ${bits}-bit g32`);
        },
      );
    }
  }
}

t.test('a scale per row or for the tensor is repeated where need be', async (t) => {
  const coded = randomCoded({ rows: 4, cols: 40, bits: 4, symmetric: true });
  const rows = config({ group_0: group({ strategy: 'channel', group_size: null }) });
  const perRow = await openWritten(t, rows, packedTensors('a', coded, true));
  sameCodes(t, await perRow.stored('a.weight'), coded);
  const tensor = config({ group_0: group({ strategy: 'tensor', group_size: null }) });
  const [packed, , shape] = packedTensors('a', coded, true);
  const scale: TensorData = {
    name: 'a.weight_scale',
    dtype: 'F16',
    shape: [1],
    data: Uint16Array.of(coded.scales[0]),
  };
  const whole = await openWritten(t, tensor, [packed, scale, shape]);
  sameCodes(t, await whole.stored('a.weight'), { ...coded, scales: coded.scales.map(() => coded.scales[0]) });
});

t.test('INT8 in bytes, with and without zero points', async (t) => {
  const weight: TensorData = {
    name: 'a.weight',
    dtype: 'I8',
    shape: [2, 3],
    data: Int8Array.of(-128, 0, 127, 5, -5, 1),
  };
  const scale: TensorData = {
    name: 'a.weight_scale',
    dtype: 'F32',
    shape: [2, 1],
    data: Float32Array.of(0.5, 2),
  };
  const zero: TensorData = {
    name: 'a.weight_zero_point',
    dtype: 'I8',
    shape: [2, 1],
    data: Int8Array.of(-1, 3),
  };
  const weights = { num_bits: 8, strategy: 'channel', group_size: null };
  const activations = { input_activations: { num_bits: 8, type: 'int', strategy: 'token', dynamic: true } };
  const symmetric = config({ group_0: group(weights, ['Linear'], activations) }, { format: 'int-quantized' });
  const plain = await openWritten(t, symmetric, [weight, scale]);
  t.strictSame(await plain.readF32('a.weight'), Float32Array.of(-64, 0, 63.5, 10, -10, 2));
  const shifted = config({ group_0: group({ ...weights, symmetric: false }) }, { format: 'int-quantized' });
  const zeros = await openWritten(t, shifted, [weight, scale, zero]);
  t.strictSame(await zeros.readF32('a.weight'), Float32Array.of(-63.5, 0.5, 64, 4, -16, -4));
  t.match((await zeros.stored('a.weight'))?.format, { reader: 'int8', scaleType: 'f32', zeroPoints: true });
});

t.test('groups of columns in an order of their own are brought together', async (t) => {
  const coded = randomCoded({ rows: 4, cols: 64, bits: 4, groupSize: 32, symmetric: true });
  const order = Array.from({ length: 64 }, (_, k) => (k + 1) % 2);
  const index: TensorData = {
    name: 'a.weight_g_idx',
    dtype: 'I32',
    shape: [64],
    data: Int32Array.from(order),
  };
  const scheme = config({ group_0: group({ actorder: 'group' }) });
  const checkpoint = await openWritten(t, scheme, [...packedTensors('a', coded, true), index]);
  t.strictSame(await checkpoint.readF32('a.weight'), valuesOf(coded, order));
  const packed = await checkpoint.stored('a.weight');
  t.equal(packed && formatName(packed.format), 'int4-g32');
  t.strictSame([...(packed?.columns ?? [])].slice(31, 34), [63, 0, 2]);
  t.strictSame(checkpoint.tensors.get('a.weight')?.columns, packed?.columns);
  await refusesWritten(t, scheme, packedTensors('a', coded, true), /a\.weight_g_idx: missing/);
});

t.test('a name counts before a pattern, and both before the class', async (t) => {
  const four = randomCoded({ rows: 4, cols: 32, bits: 4, groupSize: 32, symmetric: true });
  const eight = randomCoded({ rows: 4, cols: 32, bits: 8, groupSize: 32, symmetric: true });
  const groups = {
    group_0: group({}),
    group_1: group({ num_bits: 2 }, ['re:.*mlp']),
    group_2: group({ num_bits: 8 }, ['x.mlp']),
  };
  const tensors = [...packedTensors('x.mlp', eight, true), ...packedTensors('x.attn', four, true)];
  const checkpoint = await openWritten(t, config(groups), tensors);
  sameCodes(t, await checkpoint.stored('x.mlp.weight'), eight);
  sameCodes(t, await checkpoint.stored('x.attn.weight'), four);
});

t.test('what cannot be read is named', async (t) => {
  const coded = randomCoded({ rows: 4, cols: 64, bits: 4, groupSize: 32, symmetric: true });
  const tensors = packedTensors('a', coded, true);
  const refuses = (quantization: object, message: RegExp) =>
    refusesWritten(t, quantization, tensors, message);
  const ok = { group_0: group({}) };
  await refuses(config(ok, { format: 'marlin-24' }), /quantization_config\.format: "marlin-24" is not read/);
  await refuses(config(ok, { ignore: ['re:a'] }), /ignore: names a, which is quantized/);
  await refuses(config(ok, { transform_config: { hadamard: 1 } }), /transform_config: not understood/);
  await refuses(
    config(ok, { sparsity_config: { format: 'sparse-24-bitmask' } }),
    /sparsity_config\.format: /,
  );
  await refuses(config({ group_0: group({}, ['b']) }), /config_groups: no group quantizes the weights of a/);
  await refuses(config({ group_0: group({ dynamic: true }) }), /weights\.dynamic: true is not read/);
  await refuses(
    config({ group_0: group({ num_bits: 7 }) }),
    /a\.weight_packed: 8 words hold no 64 codes of 7 bits/,
  );
  await refuses(
    config({ group_0: group({ group_size: 64 }) }),
    /a\.weight_scale: shape \[4, 2\], must be \[4, 1\]/,
  );
  await refuses(config({ group_0: group({ symmetric: false }) }), /a\.weight_zero_point: missing/);
});

t.test(
  '1,000 damaged checkpoints are read or refused with file and field, each in less than 100 ms',
  async (t) => {
    const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32 });
    const quantization = config({ group_0: group({ symmetric: false }) });
    await survivesMutations(t, quantization, packedTensors('model.layers.0.mlp.down_proj', coded, false));
  },
);

t.test('dynamic activations are rounded by tokens; a static scale must be one number above 0', async (t) => {
  const weight: TensorData = { name: 'a.weight', dtype: 'I8', shape: [1, 2], data: Int8Array.of(1, 2) };
  const scale: TensorData = { name: 'a.weight_scale', dtype: 'F32', shape: [1, 1], data: Float32Array.of(1) };
  const rows = { num_bits: 8, strategy: 'channel', group_size: null };
  const int8 = { num_bits: 8, type: 'int', symmetric: true };
  const scheme = (inputs: object) =>
    config({ group_0: group(rows, ['Linear'], { input_activations: { ...int8, ...inputs } }) });
  const dynamic = await openWritten(t, scheme({ strategy: 'token', dynamic: true }), [weight, scale]);
  t.match(dynamic.tensors.get('a.weight')?.rounding, { scale: 'token', outliers: null });
  const fixed = scheme({ strategy: 'tensor', dynamic: false });
  await refusesWritten(t, fixed, [weight, scale], /a\.input_scale: missing/);
  for (const [data, problem] of [
    [Float32Array.of(0), /input_scale: is 0/],
    [Float32Array.of(Number.NaN), /scale 0 is NaN/],
    [Float32Array.of(1, 2), /shape \[2\], must be \[1\]/],
  ] as const) {
    const step: TensorData = { name: 'a.input_scale', dtype: 'F32', shape: [data.length], data };
    await refusesWritten(t, fixed, [weight, scale, step], problem);
  }
});

t.test('a byte beyond the bits that are told is refused when it is read', async (t) => {
  const weight: TensorData = { name: 'a.weight', dtype: 'I8', shape: [1, 2], data: Int8Array.of(7, 8) };
  const scale: TensorData = { name: 'a.weight_scale', dtype: 'F32', shape: [1, 1], data: Float32Array.of(1) };
  const rows = { num_bits: 4, strategy: 'channel', group_size: null };
  const checkpoint = await openWritten(t, config({ group_0: group(rows) }), [weight, scale]);
  await t.rejects(checkpoint.stored('a.weight'), {
    name: 'CheckpointError',
    message: /code 1 is 8, beyond 4 bits/,
  });
});
