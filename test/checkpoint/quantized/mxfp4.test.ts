import t from 'tap';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
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
  // Two bits of mantissa: exact in bf16, no tolerance.
  t.strictSame(
    await checkpoint.readF32('a.weight'),
    Float32Array.from([...twice, ...twice.map((value) => value / 128)]),
  );
  t.match(checkpoint.tensors.get('a.weight'), { shape: [1, 64], format: { reader: 'bf16' } });
});

t.test('scales that are no number, or of another count, are refused', async (t) => {
  const codes = tensor('a.weight_packed', [1, 32], CODES);
  const refuses = (scale: TensorData, message: RegExp) => refusesWritten(t, CONFIG, [codes, scale], message);
  await refuses(
    tensor('a.weight_scale', [1, 2], [255, 0]),
    /a\.weight_scale: element 0 of the weight is beyond bf16/,
  );
  await refuses(
    tensor('a.weight_scale', [1, 2], [254, 0]),
    /a\.weight_scale: element \d+ of the weight is beyond bf16/,
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
