import t from 'tap';
import { dequantize, formatName } from '#halflight/quant/formats.js';
import { getCode } from '#halflight/quant/planes.js';
import { survivesMutations } from './mutations.js';
import { gptqTensors, openWritten, randomCoded, refusesWritten, sameCodes, valuesOf } from './packers.js';

const config = (changes: object = {}) => ({
  quant_method: 'gptq',
  bits: 4,
  group_size: 32,
  desc_act: false,
  sym: true,
  ...changes,
});

for (const bits of [2, 3, 4, 8]) {
  for (const symmetric of [true, false]) {
    for (const version of [1, 2] as const) {
      t.test(
        `${bits} bits, version ${version}, ${symmetric ? 'symmetric' : 'asymmetric'}: codes and scales are exact`,
        async (t) => {
          const coded = randomCoded({ rows: 32, cols: 96, bits, groupSize: 32, symmetric });
          const label = { bits, sym: symmetric, checkpoint_format: version === 2 ? 'gptq_v2' : 'gptq' };
          const checkpoint = await openWritten(
            t,
            config(label),
            gptqTensors('a', coded, version === 1 ? 1 : 0),
          );
          const packed = await checkpoint.stored('a.weight');
          sameCodes(t, packed, coded);
          const name = `int${bits}-g32${symmetric ? '' : '-asym'}`;
          t.equal(packed && formatName(packed.format), name);
          const info = checkpoint.tensors.get('a.weight');
          t.strictSame(info?.shape, [32, 96]);
          t.strictSame(info?.format, packed?.format);
          t.equal(info?.storedAs, `GPTQ ${bits}-bit g32`);
          t.strictSame([...checkpoint.tensors.keys()], ['a.weight']);
        },
      );
    }
  }
}

t.test('zero points tell the version of a symmetric model, whatever its label says', async (t) => {
  const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32, symmetric: true });
  for (const zeroOffset of [0, 1] as const) {
    for (const label of [{}, { checkpoint_format: 'gptq_v2' }, { format: 'gptq_v2' }]) {
      const checkpoint = await openWritten(t, config(label), gptqTensors('a', coded, zeroOffset));
      sameCodes(t, await checkpoint.stored('a.weight'), coded);
    }
  }
});

t.test('the label counts where the zero points of a model that calls itself symmetric differ', async (t) => {
  const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32 });
  const checkpoint = await openWritten(t, config(), gptqTensors('a', coded, 1));
  sameCodes(t, await checkpoint.stored('a.weight'), coded);
});

t.test('one group of the whole row has no group size in memory', async (t) => {
  const coded = randomCoded({ rows: 8, cols: 64, bits: 4, symmetric: true });
  for (const group_size of [-1, 64, 128]) {
    const checkpoint = await openWritten(t, config({ group_size }), gptqTensors('a', coded, 1));
    const packed = await checkpoint.stored('a.weight');
    sameCodes(t, packed, coded);
    t.match(packed?.format, { groupSize: null, scaleType: 'f16' });
  }
});

t.test(
  'columns in an order of their own are brought together, and the weights stay where they were',
  async (t) => {
    const scattered = Array.from({ length: 64 }, (_, k) => (k * 7) % 2);
    const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32 });
    const act = await openWritten(
      t,
      config({ desc_act: true, sym: false }),
      gptqTensors('a', coded, 1, scattered),
    );
    const packed = await act.stored('a.weight');
    t.strictSame(packed && dequantize(packed), valuesOf(coded, scattered));
    t.strictSame(await act.readF32('a.weight'), valuesOf(coded, scattered));
    const info = act.tensors.get('a.weight');
    t.match(info, { storedAs: 'GPTQ 4-bit g32 act-order', format: { reader: 'int4', groupSize: 32 } });
    const columns = [...Array(64).keys()].sort((a, b) => scattered[a] - scattered[b] || a - b);
    t.strictSame([...(info?.columns ?? [])], columns);
    t.equal(packed?.columns, info?.columns);
    const got = columns.map((_, k) => packed && getCode(packed.codes, k, 4));
    t.strictSame(
      got,
      columns.map((k) => coded.codes[k]),
    );
  },
);

t.test('groups of different sizes, and small ones, become f32', async (t) => {
  const uneven = Array.from({ length: 64 }, (_, k) => (k < 33 ? 1 : 0));
  const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32 });
  const act = await openWritten(
    t,
    config({ desc_act: true, sym: false }),
    gptqTensors('a', coded, 1, uneven),
  );
  t.match(act.tensors.get('a.weight'), { format: { reader: 'f32' }, columns: undefined });
  t.strictSame(await act.readF32('a.weight'), valuesOf(coded, uneven));
  const small = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 16 });
  const groups = await openWritten(t, config({ group_size: 16, sym: false }), gptqTensors('a', small, 1));
  const smallPacked = await groups.stored('a.weight');
  t.strictSame(smallPacked && dequantize(smallPacked), valuesOf(small));
});

t.test('act-order whose columns follow one another keeps its codes', async (t) => {
  const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32, symmetric: true });
  const checkpoint = await openWritten(t, config({ desc_act: true }), gptqTensors('a', coded, 1));
  sameCodes(t, await checkpoint.stored('a.weight'), coded);
});

t.test('dynamic leaves modules out or gives them bits of their own; the first rule counts', async (t) => {
  const wide = randomCoded({ rows: 8, cols: 64, bits: 8, groupSize: 32, symmetric: true });
  const narrow = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32, symmetric: true });
  const plain = {
    name: 'c.skipped.weight',
    dtype: 'F32',
    shape: [1, 2],
    data: Float32Array.of(1, 2),
  } as const;
  const dynamic = { '-:.*skipped': {}, '+:a\\.': { bits: 8 }, '.*': { group_size: 32 } };
  const tensors = [...gptqTensors('a.x', wide, 1), ...gptqTensors('b.x', narrow, 1), plain];
  const checkpoint = await openWritten(t, config({ dynamic }), tensors);
  sameCodes(t, await checkpoint.stored('a.x.weight'), wide);
  sameCodes(t, await checkpoint.stored('b.x.weight'), narrow);
  t.equal(await checkpoint.stored('c.skipped.weight'), null);
  t.strictSame(await checkpoint.readF32('c.skipped.weight'), Float32Array.of(1, 2));
  await refusesWritten(
    t,
    config({ dynamic: { '-:a': {} } }),
    tensors,
    /config\.json: quantization_config\.dynamic\.-:a: /,
  );
});

t.test('keys and tensors that contradict the format are named', async (t) => {
  const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32, symmetric: true });
  const tensors = gptqTensors('a', coded, 1);
  const refuses = (changes: object, message: RegExp) => refusesWritten(t, config(changes), tensors, message);
  await refuses({ bits: 5 }, /quantization_config\.bits: 5 is not read; known: 4, 2, 3, 8/);
  await refuses({ group_size: 0 }, /group_size: must be/);
  await refuses({ group_size: 64 }, /a\.scales: shape \[2, 8\], must be \[1, 8\]/);
  await refuses({ rotation: 'hadamard' }, /rotation: not understood/);
  await refuses({ checkpoint_format: 'marlin' }, /checkpoint_format: "marlin" is not read/);
  await refuses({ dynamic: { '(a+)+$': {} } }, /dynamic\.\(a\+\)\+\$: pattern .* could take too long/);
  await refuses({ quant_method: 'aqlm' }, /quant_method: "aqlm" is not read; known: gptq, awq,/);
  const without = tensors.filter(({ name }) => name !== 'a.g_idx');
  await refusesWritten(t, config({ desc_act: true }), without, /a\.g_idx: missing, but a\.qweight needs it/);
  const beyond = gptqTensors('a', coded, 1, Array(64).fill(2));
  await refusesWritten(t, config(), beyond, /a\.g_idx: column 0 is in group 2 of 2/);
  const infinite = gptqTensors('a', { ...coded, scales: coded.scales.map(() => 0x7c00) }, 1);
  await refusesWritten(t, config(), infinite, /a\.scales: scale 0 is Infinity/);
});

t.test(
  '1,000 damaged checkpoints are read or refused with file and field, each in less than 100 ms',
  async (t) => {
    const coded = randomCoded({ rows: 8, cols: 64, bits: 4, groupSize: 32 });
    await survivesMutations(t, config({ sym: false }), gptqTensors('model.layers.0.mlp.down_proj', coded, 1));
  },
);
