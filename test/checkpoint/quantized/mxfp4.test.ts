import t from 'tap';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { weightBytes } from '#halflight/quant/weight.js';
import { survivesMutations } from './mutations.js';
import { openWritten, refusesWritten } from './packers.js';

const CONFIG = {
  quant_method: 'compressed-tensors',
  format: 'mxfp4-pack-quantized',
  config_groups: {
    group_0: {
      targets: ['Linear'],
      weights: { num_bits: 4, type: 'float', strategy: 'group', group_size: 32 },
    },
  },
};
const tensor = (name: string, shape: readonly number[], bytes: readonly number[]): TensorData => ({
  name,
  dtype: 'U8',
  shape,
  data: Uint8Array.from(bytes),
});
/** All 16 codes in order, twice, in each of two blocks of a row. */
const CODES = Array.from({ length: 32 }, (_, i) => ((2 * i) % 16) + (((2 * i) % 16) + 1) * 16);
const VALUES = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

t.test('codes are E2M1, low nibble first, times a power of two per 32', async (t) => {
  const tensors = [tensor('a.weight_packed', [1, 32], CODES), tensor('a.weight_scale', [1, 2], [127, 120])];
  const checkpoint = await openWritten(t, CONFIG, tensors);
  const twice = [...VALUES, ...VALUES];
  // Two bits of mantissa: exact, no tolerance.
  t.strictSame(
    await checkpoint.readF32('a.weight'),
    Float32Array.from([...twice, ...twice.map((value) => value / 128)]),
  );
  t.match(checkpoint.tensors.get('a.weight'), {
    shape: [1, 64],
    format: { reader: 'e2m1', table: 'mxfp4' },
  });
});

t.test('codes and scales are kept as they are, the last block of a row padded with zeros', async (t) => {
  const tensors = [
    tensor('a.weight_packed', [2, 20], [...CODES.slice(0, 20), ...CODES.slice(0, 20)]),
    tensor('a.weight_scale', [2, 2], [127, 120, 253, 0]),
  ];
  const packed = await (await openWritten(t, CONFIG, tensors)).stored('a.weight');
  const bytes = new Uint8Array(packed?.codes.slice().buffer ?? []);
  t.strictSame([...bytes.subarray(0, 32)], [...CODES.slice(0, 20), ...Array(12).fill(0)]);
  t.strictSame([...(packed?.scales ?? [])], [0x00fd787f]);
  t.equal(packed && weightBytes(packed), 2 * 32 + 4);
});

t.test('scales that are no number, or of another count, are refused', async (t) => {
  const codes = tensor('a.weight_packed', [1, 32], CODES);
  const refuses = (scale: TensorData, message: RegExp) => refusesWritten(t, CONFIG, [codes, scale], message);
  await refuses(
    tensor('a.weight_scale', [1, 2], [255, 0]),
    /a\.weight_scale: scale 0 is 255, with which weights are beyond f32/,
  );
  await refuses(
    tensor('a.weight_scale', [1, 2], [254, 0]),
    /a\.weight_scale: scale 0 is 254, with which weights are beyond f32/,
  );
  await refuses(
    tensor('a.weight_scale', [2, 1], [0, 0]),
    /a\.weight_scale: shape \[2, 1\], must be \[1, 2\]/,
  );
});

t.test('1,000 damaged checkpoints are read or refused with file and field, each in less than 100 ms', (t) =>
  survivesMutations(t, CONFIG, [
    tensor('a.weight_packed', [1, 32], CODES),
    tensor('a.weight_scale', [1, 2], [127, 120]),
  ]),
);
