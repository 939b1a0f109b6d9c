import t from 'tap';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { formatName } from '#halflight/quant/formats.js';
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

t.test('codes stay a byte each, and a block’s scale is repeated for its rows', async (t) => {
  const codes = Array.from({ length: 3 * 64 }, (_, i) => (7 * i) % 126);
  const stored = async (quantization: object, factor: TensorData, dtype?: 'F8_E5M2') => {
    const tensors = [fp8([3, 64], codes, dtype), factor];
    const packed = await (await openWritten(t, quantization, tensors)).stored('a.weight');
    if (packed === null) throw new Error('not packed');
    t.strictSame([...new Uint8Array(packed.codes.slice().buffer)], codes);
    return [formatName(packed.format), ...new Float32Array(packed.scales?.slice().buffer ?? [])];
  };
  t.strictSame(await stored(config(), scale([1], [2])), ['e4m3', 2, 2, 2]);
  t.strictSame(await stored(config(), scale([3], [1, 2, 3])), ['e4m3', 1, 2, 3]);
  t.strictSame(
    await stored(config({ weight_block_size: [2, 32] }), scale([2, 2], [1, 2, 3, 4], 'a.weight_scale_inv')),
    ['e4m3-g32', 1, 2, 1, 2, 3, 4],
  );
  codes.fill(0x3c);
  t.strictSame(await stored(config(), scale([], [0.5]), 'F8_E5M2'), ['e5m2', 0.5, 0.5, 0.5]);
});

t.test('rows are padded to whole blocks with zeros', async (t) => {
  const tensors = [fp8([2, 40], Array(80).fill(0x38)), scale([2], [1, 2])];
  const packed = await (await openWritten(t, config(), tensors)).stored('a.weight');
  const bytes = new Uint8Array(packed?.codes.slice().buffer ?? []);
  t.strictSame([...bytes.subarray(0, 65)], [...Array(40).fill(0x38), ...Array(24).fill(0), 0x38]);
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
