import t from 'tap';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { formatName } from '#halflight/quant/formats.js';
import { weightBytes } from '#halflight/quant/weight.js';
import { seededIntegers } from '../support.js';
import { survivesMutations } from './mutations.js';
import { openWritten, refusesWritten } from './packers.js';

/** The normal floats, and the values of FP4 by code: sign, two bits of exponent, one of mantissa. */
const NF4 = [
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
];
const FP4 = [0, 0.0625, 8, 12, 4, 6, 2, 3].flatMap((value) => value / 12);
const MAPS = { nf4: NF4, fp4: [...FP4, ...FP4.map((value) => -value)] } as const;
const BLOCK = 64;

const config = (changes: object = {}) => ({ quant_method: 'bitsandbytes', load_in_4bit: true, ...changes });
const f32 = (name: string, values: ArrayLike<number>): TensorData => ({
  name,
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const u8 = (name: string, shape: readonly number[], values: ArrayLike<number>): TensorData => ({
  name,
  dtype: 'U8',
  shape,
  data: Uint8Array.from(values),
});

interface Narrow {
  readonly tensors: TensorData[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** A matrix `[rows, cols]` of random codes: the first of two in the high nibble, a scale per 64 of the flat matrix. */
function narrow(
  type: 'nf4' | 'fp4',
  rows: number,
  cols: number,
  nested: boolean,
  changes: object = {},
): Narrow {
  const integer = seededIntegers(3);
  const count = rows * cols;
  const codes = Array.from({ length: count }, () => integer(16));
  const bytes = Array.from(
    { length: Math.ceil(count / 2) },
    (_, i) => codes[2 * i] * 16 + (codes[2 * i + 1] ?? 0),
  );
  const scales = nested ? nestedScales(Math.ceil(count / BLOCK)) : plainScales(Math.ceil(count / BLOCK));
  const map = Float32Array.from(MAPS[type]);
  const state = {
    quant_type: type,
    blocksize: BLOCK,
    dtype: 'bfloat16',
    shape: [rows, cols],
    ...(nested ? { nested_blocksize: 256, nested_dtype: 'float32', nested_offset: 0.125 } : {}),
    ...changes,
  };
  const text = new TextEncoder().encode(JSON.stringify(state));
  return {
    tensors: [
      u8('a.weight', [bytes.length, 1], bytes),
      f32('a.weight.quant_map', map),
      u8(`a.weight.quant_state.bitsandbytes__${type}`, [text.length], text),
      ...scales.tensors,
    ],
    values: Float32Array.from(codes, (code, i) => map[code] * scales.values[Math.floor(i / BLOCK)]),
  };
}

function plainScales(count: number): Narrow {
  const values = Float32Array.from({ length: count }, (_, i) => 0.01 * (i + 1));
  return { tensors: [f32('a.weight.absmax', values)], values };
}

function nestedScales(count: number): Narrow {
  const integer = seededIntegers(4);
  const codes = Array.from({ length: count }, () => integer(256));
  const map = Float32Array.from({ length: 256 }, (_, i) => (i - 127) / 128);
  const outer = Float32Array.from({ length: Math.ceil(count / 256) }, (_, i) => 0.03 * (i + 1));
  const products = Float32Array.from(codes, (code, i) => map[code] * outer[Math.floor(i / 256)]);
  return {
    tensors: [
      u8('a.weight.absmax', [count], codes),
      f32('a.weight.nested_absmax', outer),
      f32('a.weight.nested_quant_map', map),
    ],
    values: products.map((product) => product + 0.125),
  };
}

t.test('INT8: codes as they are, SCB / 127 as the scale of a row', async (t) => {
  const weight: TensorData = {
    name: 'a.weight',
    dtype: 'I8',
    shape: [2, 3],
    data: Int8Array.of(-127, 0, 127, 5, -5, 1),
  };
  const tensors = [weight, f32('a.SCB', [1.27, 254]), u8('a.weight_format', [], [0])];
  const checkpoint = await openWritten(t, { quant_method: 'bitsandbytes', load_in_8bit: true }, tensors);
  const packed = await checkpoint.stored('a.weight');
  t.equal(packed && formatName(packed.format), 'int8');
  t.strictSame(
    new Float32Array(packed?.scales?.slice().buffer ?? []),
    Float32Array.of(Math.fround(1.27) / 127, 2),
  );
  t.strictSame([...new Uint8Array(packed?.codes.slice().buffer ?? []).subarray(0, 3)], [1, 128, 255]);
  t.strictSame([...checkpoint.tensors.keys()], ['a.weight']);
  const tiled = [weight, f32('a.SCB', [1, 1]), u8('a.weight_format', [], [1])];
  await refusesWritten(t, config(), tiled, /a\.weight_format: layout 1 is not read/);
});

for (const type of ['nf4', 'fp4'] as const) {
  for (const nested of [false, true]) {
    t.test(
      `${type}${nested ? ' with quantized scales' : ''} gives a code's value times its block's scale`,
      async (t) => {
        // 300 blocks, so that there are two scales of scales; rows that start in the middle of a block.
        const { tensors, values } = narrow(type, 200, 96, nested);
        const checkpoint = await openWritten(t, config({ bnb_4bit_quant_type: type }), tensors);
        // The same f32 roundings in the same order: no tolerance.
        t.strictSame(await checkpoint.readF32('a.weight'), values);
        t.match(checkpoint.tensors.get('a.weight'), { shape: [200, 96], format: { reader: 'f32' } });
        t.equal(checkpoint.tensors.size, 1);
      },
    );
  }
}

for (const type of ['nf4', 'fp4'] as const) {
  t.test(`${type} whose blocks do not reach over the end of a row keeps its codes and scales`, async (t) => {
    const { tensors, values } = narrow(type, 40, 192, true);
    const checkpoint = await openWritten(t, config({ bnb_4bit_quant_type: type }), tensors);
    const packed = await checkpoint.stored('a.weight');
    t.equal(packed && formatName(packed.format), `${type}-g64`);
    t.equal(packed && weightBytes(packed), (40 * 192) / 2 + 4 * ((40 * 192) / 64));
    // A product of two f32 is exact in f64 and rounded once: what the format's own f32 arithmetic gives.
    t.strictSame(await checkpoint.readF32('a.weight'), values);
  });
}

t.test('a table that is not the known one is applied in f32', async (t) => {
  const { tensors, values } = narrow('nf4', 4, 64, false);
  const map = tensors.findIndex(({ name }) => name === 'a.weight.quant_map');
  tensors[map] = f32(
    'a.weight.quant_map',
    NF4.map((value) => 2 * value),
  );
  const checkpoint = await openWritten(t, config(), tensors);
  t.strictSame(
    await checkpoint.readF32('a.weight'),
    values.map((value) => 2 * value),
  );
  t.match(checkpoint.tensors.get('a.weight'), { format: { reader: 'f32' } });
});

t.test('bytes that are called by another type are the same bytes', async (t) => {
  const { tensors, values } = narrow('nf4', 4, 64, false);
  const [weight, ...others] = tensors;
  const called: TensorData = { ...weight, dtype: 'BF16', shape: [64, 1] };
  const checkpoint = await openWritten(t, config({ bnb_4bit_quant_storage: 'bfloat16' }), [
    called,
    ...others,
  ]);
  t.strictSame(await checkpoint.readF32('a.weight'), values);
});

t.test('what cannot be read is named', async (t) => {
  const refuses = (changes: object, message: RegExp) =>
    refusesWritten(t, config(), narrow('nf4', 4, 64, true, changes).tensors, message);
  await refuses({ shape: [4, 65] }, /a\.weight: 128 bytes, but \[4, 65\] takes 130/);
  await refuses({ shape: [4, 1e9] }, /is no shape of a matrix/);
  await refuses({ blocksize: 0 }, /quant_state\.bitsandbytes__nf4: blocksize: /);
  await refuses({ blocksize: 32 }, /a\.weight\.absmax: shape \[4\], must be \[8\]/);
  await refuses({ quant_type: 'fp4' }, /quant_type: "fp4" is not read/);
  await refuses({ nested_dtype: 'float16' }, /nested_dtype: "float16" is not read/);
  const { tensors } = narrow('nf4', 4, 64, false);
  const without = tensors.filter(({ name }) => name !== 'a.weight.quant_map');
  await refusesWritten(t, config(), without, /a\.weight\.quant_map: missing/);
  await refusesWritten(
    t,
    config({ bnb_4bit_quant_type: 'int4' }),
    tensors,
    /bnb_4bit_quant_type: "int4" is not read/,
  );
});

t.test('1,000 damaged checkpoints are read or refused with file and field, each in less than 100 ms', (t) =>
  survivesMutations(t, config(), narrow('nf4', 4, 64, true).tensors),
);
