import t from 'tap';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { survivesMutations } from './mutations.js';
import { openWritten, refusesWritten } from './packers.js';

const config = (changes: object = {}) => ({ quant_method: 'fp8', activation_scheme: 'dynamic', ...changes });
const fp8 = (shape: readonly number[], bytes: readonly number[], dtype: 'F8_E4M3' | 'F8_E5M2' = 'F8_E4M3') =>
  ({ name: 'a.weight', dtype, shape, data: Uint8Array.from(bytes) }) as const;
const scale = (shape: readonly number[], values: readonly number[], name = 'a.weight_scale'): TensorData => ({
  name,
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
});

t.test('E4M3 and E5M2 have the values of their definitions', async (t) => {
  // 0, the least subnormal, 1, −1.5, the greatest finite, and −0.
  const e4m3 = await openWritten(t, config(), [fp8([1, 6], [0, 1, 0x38, 0xbc, 0x7e, 0x80]), scale([1], [1])]);
  t.strictSame(await e4m3.readF32('a.weight'), Float32Array.of(0, 2 ** -9, 1, -1.5, 448, -0));
  const e5m2 = await openWritten(t, config(), [
    fp8([1, 6], [0, 1, 0x3c, 0xbe, 0x7b, 0x80], 'F8_E5M2'),
    scale([], [1]),
  ]);
  t.strictSame(await e5m2.readF32('a.weight'), Float32Array.of(0, 2 ** -16, 1, -1.5, 57344, -0));
  t.equal(e5m2.tensors.get('a.weight')?.storedAs, 'FP8 E5M2');
});

t.test('scales are of the tensor, a row, or a block', async (t) => {
  const ones = fp8([3, 5], Array(15).fill(0x38));
  const values = async (quantization: object, factor: TensorData) =>
    Array.from(await (await openWritten(t, quantization, [ones, factor])).readF32('a.weight'));
  t.strictSame(await values(config(), scale([1], [2])), Array(15).fill(2));
  t.strictSame(
    await values(config(), scale([3, 1], [1, 2, 3])),
    [1, 2, 3].flatMap((s) => Array(5).fill(s)),
  );
  const blocks = await values(
    config({ weight_block_size: [2, 2] }),
    scale([2, 3], [1, 2, 3, 4, 5, 6], 'a.weight_scale_inv'),
  );
  t.strictSame(blocks, [1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6]);
});

t.test('what cannot be read is named', async (t) => {
  const ones = fp8([3, 5], Array(15).fill(0x38));
  const refuses = (quantization: object, tensors: TensorData[], message: RegExp) =>
    refusesWritten(t, quantization, tensors, message);
  await refuses(config(), [ones], /a\.weight_scale: missing, but a\.weight needs it/);
  await refuses(
    config(),
    [ones, scale([2, 3], [1, 1, 1, 1, 1, 1])],
    /a\.weight_scale: shape \[2, 3\] fits neither/,
  );
  await refuses(config(), [fp8([1, 1], [0x7f]), scale([1], [1])], /a\.weight: element 0 is NaN/);
  await refuses(config(), [ones, scale([1], [Number.NaN])], /a\.weight_scale: scale 0 is NaN/);
  await refuses(
    config({ weight_block_size: [0, 2] }),
    [ones],
    /weight_block_size: must be \[rows, columns\]/,
  );
  await refuses(config({ scheme: 'x' }), [ones], /scheme: not understood/);
});

t.test(
  '1,000 damaged checkpoints are read or refused with file and field, each in less than 100 ms',
  async (t) => {
    const weight = fp8(
      [8, 8],
      Array.from({ length: 64 }, (_, i) => i),
    );
    const blocks = scale([2, 2], [1, 2, 3, 4], 'a.weight_scale_inv');
    await survivesMutations(t, config({ weight_block_size: [4, 4] }), [weight, blocks]);
  },
);
