import t from 'tap';
import { formatName } from '#halflight/quant/formats.js';
import { survivesMutations } from './mutations.js';
import { awqTensors, openWritten, randomCoded, refusesWritten, sameCodes } from './packers.js';

const config = (changes: object = {}) => ({
  quant_method: 'awq',
  bits: 4,
  group_size: 32,
  zero_point: true,
  version: 'gemm',
  modules_to_not_convert: null,
  ...changes,
});
const coded = randomCoded({ rows: 16, cols: 96, bits: 4, groupSize: 32 });

t.test('codes, zero points and scales are exact', async (t) => {
  const checkpoint = await openWritten(t, config(), awqTensors('a', coded));
  const packed = await checkpoint.stored('a.weight');
  sameCodes(t, packed, coded);
  t.equal(packed && formatName(packed.format), 'int4-g32-asym');
  t.match(checkpoint.tensors.get('a.weight'), { shape: [16, 96], storedAs: 'AWQ 4-bit g32' });
});

t.test('a zero point of 0 is 0, which the order of nibbles does not change', async (t) => {
  const low = { ...coded, zeros: coded.zeros.map((_, i) => i % 3) };
  const checkpoint = await openWritten(t, config(), awqTensors('a', low));
  sameCodes(t, await checkpoint.stored('a.weight'), low);
});

t.test(
  'a whole row is one group, and columns that fill no block are padded with the zero point',
  async (t) => {
    const odd = randomCoded({ rows: 8, cols: 40, bits: 4 });
    const checkpoint = await openWritten(t, config({ group_size: -1 }), awqTensors('a', odd));
    const packed = await checkpoint.stored('a.weight');
    sameCodes(t, packed, odd);
    const last = packed?.codes[7] ?? 0;
    t.equal(last & 15, odd.zeros[0]);
  },
);

t.test('modules that are not converted stay as they are', async (t) => {
  const plain = { name: 'b.weight', dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) } as const;
  const checkpoint = await openWritten(t, config({ modules_to_not_convert: ['b'] }), [
    ...awqTensors('a', coded),
    plain,
  ]);
  t.equal(await checkpoint.stored('b.weight'), null);
  t.strictSame([...checkpoint.tensors.keys()].sort(), ['a.weight', 'b.weight']);
});

t.test('what cannot be read is named', async (t) => {
  const tensors = awqTensors('a', coded);
  const refuses = (changes: object, message: RegExp) => refusesWritten(t, config(changes), tensors, message);
  await refuses({ version: 'gemv' }, /quantization_config\.version: "gemv" is not read; known: gemm/);
  await refuses({ bits: 8 }, /bits: 8 is not read/);
  await refuses({ zero_point: false }, /zero_point: false is not read/);
  await refuses({ group_size: 64 }, /a\.scales: shape \[3, 16\], must be \[2, 16\]/);
  await refuses({ smooth: 1 }, /smooth: not understood/);
  const scaled = { name: 'mlp.act.scales', dtype: 'F16', shape: [2], data: Uint16Array.of(1, 2) } as const;
  await refusesWritten(
    t,
    config(),
    [...tensors, scaled],
    /mlp\.act\.scales: scaled activations are not read/,
  );
});

t.test('1,000 damaged checkpoints are read or refused with file and field, each in less than 100 ms', (t) =>
  survivesMutations(t, config(), awqTensors('model.layers.0.mlp.down_proj', coded)),
);
