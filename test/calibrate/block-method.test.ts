import t from 'tap';
import { blockMethod } from '#halflight/calibrate/block-method.js';
import { gptqMethod } from '#halflight/calibrate/gptq.js';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import { blockBytes } from '#halflight/checkpoint/gguf/pack.js';
import { packedFormat } from '#halflight/checkpoint/gguf/repack.js';
import { dequantize } from '#halflight/quant/formats.js';
import { QUANTIZED_SIZE, quantizedBlocks, quantizedValues } from '../support/quantized-gguf.js';
import { Random } from '../support/random.js';
import { inputsOf, matrixOf, statsOf } from './support.js';

const SEARCH = { kind: 'search', power: 2 } as const;
const rtn = blockMethod({ simple: null, search: 'plain' });
const imatrix = blockMethod({
  simple: nearestMethod({ scales: SEARCH, weighted: true }),
  search: 'weighted',
});

t.test('without a method of its own, codes are those of llama-quantize', (t) => {
  for (const type of ['Q4_0', 'Q5_0', 'Q5_1', 'Q8_0'] as const) {
    const input = { name: 'm', values: quantizedValues(), ...QUANTIZED_SIZE, stats: null };
    const { packed, notes } = rtn.quantize({ ...input, format: packedFormat(type) });
    t.ok(quantizedBlocks(type).equals(blockBytes(type, packed)), type);
    t.same(notes, []);
  }
  t.end();
});

t.test('the error is that of the numbers that codes stand for', (t) => {
  const input = matrixOf(new Random(1), [3, 256], packedFormat('Q4_K'), null);
  const { packed, error } = rtn.quantize(input);
  const got = dequantize(packed);
  const sum = got.reduce((total, value, i) => total + (value - input.values[i]) ** 2, 0);
  // `dequantize` rounds to f32.
  t.ok(Math.abs(error - sum / 3) < 1e-6 * error);
  t.end();
});

t.test('errors are weighed by the inputs where these are known, which is told where they are not', (t) => {
  t.equal(imatrix.needs, 'moments');
  const stats = statsOf(inputsOf(new Random(2), 64, 256), 256);
  for (const type of ['Q4_0', 'Q4_K', 'Q6_K'] as const) {
    const known = matrixOf(new Random(3), [8, 256], packedFormat(type), { ...stats, hessian: null });
    const [weighed, plain] = [imatrix.quantize(known), rtn.quantize(known)];
    t.ok(weighed.error < plain.error, `${type}: ${weighed.error} < ${plain.error}`);
    t.same(weighed.notes, []);
  }
  const unknown = matrixOf(new Random(3), [8, 256], packedFormat('Q6_K'), null);
  t.match(imatrix.quantize(unknown).notes, [/nothing is known of its inputs/]);
  for (const type of ['Q4_0', 'Q4_K', 'Q6_K'] as const) {
    const { notes } = imatrix.quantize(matrixOf(new Random(3), [1, 256], packedFormat(type), null));
    t.strictSame(notes, [imatrix.withoutInputs(packedFormat(type))], `${type}: as told before`);
    t.equal(rtn.withoutInputs(packedFormat(type)), null);
  }
  t.end();
});

t.test(
  'types of 8 bits, and of a scale and a minimum for 32, are rounded to nearest whatever the method, and it is told',
  (t) => {
    for (const type of ['Q8_0', 'Q5_1'] as const) {
      const input = matrixOf(new Random(3), [2, 64], packedFormat(type), null);
      const { packed, notes } = blockMethod({
        simple: nearestMethod({ scales: SEARCH, weighted: false }),
        search: 'plain',
      }).quantize(input);
      t.strictSame(packed, rtn.quantize(input).packed);
      t.match(notes, [/to nearest, whatever the method/]);
    }
    t.end();
  },
);

t.test('a method that must know the inputs is not asked where nothing is known', (t) => {
  const gptq = gptqMethod({ scales: SEARCH, weighted: true, order: 'groups' });
  const method = blockMethod({ simple: gptq, search: 'plain' });
  t.equal(method.needs, 'hessian');
  const input = matrixOf(new Random(5), [2, 64], packedFormat('Q4_0'), null);
  t.strictSame(method.quantize(input).packed, rtn.quantize(input).packed);
  const stats = statsOf(inputsOf(new Random(2), 128, 64), 64);
  t.ok(method.quantize({ ...input, stats }).error < rtn.quantize({ ...input, stats }).error);
  t.end();
});

t.test('numbers that are none, and too large for f16 scales, are refused with their place', (t) => {
  for (const type of ['Q4_0', 'Q4_K'] as const) {
    const input = matrixOf(new Random(1), [2, 256], packedFormat(type), null);
    const values = input.values.slice();
    values[300] = Number.NaN;
    t.throws(() => rtn.quantize({ ...input, values }), {
      name: 'UserError',
      message: /row 1, column 44 is NaN/,
    });
    values[300] = 1e9;
    t.throws(() => rtn.quantize({ ...input, values }), { name: 'UserError', message: /row 1 is too large/ });
  }
  t.end();
});
