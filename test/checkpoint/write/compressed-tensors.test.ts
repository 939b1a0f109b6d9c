import t from 'tap';
import { compressedTensors } from '#halflight/checkpoint/write/compressed-tensors.js';
import { openWritten } from '../quantized/packers.js';
import { coded, integers, readsBack, specOf } from './support.js';

t.test('codes, scales and zero points are read back as they were', async (t) => {
  await readsBack(t, compressedTensors, [
    specOf('a.int8', [5, 64], integers(8, null, { scaleType: 'f32' })),
    specOf('a.int8_g32', [5, 64], integers(8, 32)),
    specOf('a.int4', [5, 96], integers(4, 32)),
    specOf('a.int4_asym', [9, 64], integers(4, 32, { zeroPoints: true })),
    specOf('a.int3', [5, 64], integers(3, 32)),
    specOf('a.int3_asym', [12, 64], integers(3, 32, { zeroPoints: true })),
    specOf('a.int2_asym', [17, 64], integers(2, 32, { zeroPoints: true })),
    specOf('a.int4_odd', [3, 50], integers(4, null)),
  ]);
});

t.test('INT8 activations have codes in bytes', async (t) => {
  const format = integers(8, null, { scaleType: 'f32' });
  const spec = specOf('a.w8a8', [5, 64], format, 'int8');
  await readsBack(t, compressedTensors, [spec]);
  t.match(compressedTensors.config([spec], []), {
    format: 'int-quantized',
    config_groups: { group_0: { input_activations: { num_bits: 8, strategy: 'token', dynamic: true } } },
  });
});

t.test('4-bit codes beside INT8 activations are bytes too, as their readers take them', async (t) => {
  const specs = [32, null].map((size, i) => specOf(`a.w4a8_${i}`, [5, 96], integers(4, size), 'int8'));
  await readsBack(t, compressedTensors, specs);
  t.match(compressedTensors.tensors(specs[0]), [{ dtype: 'I8', shape: [5, 96] }, { shape: [5, 3] }]);
  t.match(compressedTensors.config([specs[0]], []), {
    config_groups: { group_0: { weights: { num_bits: 4 }, input_activations: { strategy: 'token' } } },
  });
});

t.test('static scales of inputs and outputs are a number each, and read back', async (t) => {
  const format = integers(8, null, { scaleType: 'f32' });
  const specs = (['static', 'integer'] as const).map((kind) => specOf(`a.${kind}`, [5, 64], format, kind));
  const steps = [{ input: 0.5 }, { input: 0.25, output: 0.125 }];
  const tensors = specs.flatMap((spec, i) => compressedTensors.pack(spec, coded(spec), null, steps[i]));
  t.strictSame(
    tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    specs.flatMap((spec) => compressedTensors.tensors(spec)),
  );
  const config = compressedTensors.config(specs, []);
  const int8 = { num_bits: 8, strategy: 'tensor', dynamic: false };
  t.match(config, {
    config_groups: {
      group_0: { input_activations: int8, output_activations: null },
      group_1: { input_activations: int8, output_activations: int8 },
    },
  });
  const { tensors: read } = await openWritten(t, config, tensors);
  t.match(read.get('a.static.weight'), { rounding: { scale: 0.5, outliers: null } });
  t.equal(read.get('a.static.weight')?.outputStep, undefined);
  t.match(read.get('a.integer.weight'), { rounding: { scale: 0.25 }, outputStep: 0.125 });
  t.notOk(read.has('a.static.input_scale'), 'scales are no tensors of the model');
  t.throws(() => compressedTensors.pack(specs[1], coded(specs[1]), null, { input: 1 }), RangeError);
});

t.test('most modules are targeted by their class, others by their names', (t) => {
  const usual = ['a', 'b'].map((module) => specOf(module, [8, 128], integers(4, 128)));
  const other = specOf('c', [8, 96], integers(4, 32));
  t.match(compressedTensors.config([other, ...usual], ['lm_head']), {
    quant_method: 'compressed-tensors',
    format: 'pack-quantized',
    ignore: ['lm_head'],
    config_groups: {
      group_0: { targets: ['Linear'], weights: { num_bits: 4, strategy: 'group', group_size: 128 } },
      group_1: { targets: ['c'], weights: { group_size: 32, symmetric: true } },
    },
  });
  t.end();
});

t.test('groups in an order of their own are told', (t) => {
  const spec = { ...specOf('a', [2, 64], integers(4, 32)), actOrder: true };
  const index = Uint32Array.from({ length: 64 }, (_, k) => k % 2);
  const told = compressedTensors.pack(spec, coded(spec), index).find(({ name }) => name === 'a.weight_g_idx');
  t.strictSame(told?.data, Int32Array.from(index));
  t.match(compressedTensors.config([spec], []), {
    config_groups: { group_0: { weights: { actorder: 'group' } } },
  });
  t.end();
});

t.test('tables are not for it', (t) => {
  const spec = specOf('a', [2, 64], { ...integers(4, 64), reader: 'table4', table: 'nf4' });
  t.match(compressedTensors.problem(spec), /holds integers/);
  t.equal(compressedTensors.problem(specOf('a', [2, 64], integers(4, 64))), null);
  t.end();
});

t.test('one scale of a matrix is written once and is every row’s', async (t) => {
  const spec = {
    ...specOf('a', [5, 64], integers(8, null, { scaleType: 'f32' })),
    tensorScale: true,
  } as const;
  const weight = coded(spec);
  const same = { ...weight, scales: new Uint32Array(5).fill(weight.scales?.[0] ?? 0) };
  const tensors = compressedTensors.pack(spec, same, null);
  t.strictSame(tensors.find(({ name }) => name.endsWith('weight_scale'))?.shape, [1]);
  const checkpoint = await openWritten(t, compressedTensors.config([spec], []), tensors);
  t.strictSame(await checkpoint.stored('a.weight'), same);
});
