import t from 'tap';
import type { ColumnOrder } from '#halflight/calibrate/column-order.js';
import { usableWeight } from '#halflight/calibrate/decoded.js';
import { gptqMethod } from '#halflight/calibrate/gptq.js';
import type { MatrixInput, MatrixResult } from '#halflight/calibrate/method.js';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import { UserError } from '#halflight/errors.js';
import { dequantize, parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { Random } from '../support/random.js';
import { quantizeByDefinition } from './gptq-definition.js';
import { inputsOf, matrixOf, productError, statsOf } from './support.js';

const EXTREMES = { kind: 'extremes' } as const;
const method = (order: ColumnOrder = 'given') => gptqMethod({ scales: EXTREMES, weighted: false, order });
const NEAREST = nearestMethod({ scales: EXTREMES, weighted: false });

function sample(seed: number, shape: readonly [number, number], format: Parameters<typeof matrixOf>[2]) {
  const inputs = inputsOf(new Random(seed), 3 * shape[1], shape[1]);
  return { inputs, input: matrixOf(new Random(seed + 1), shape, format, statsOf(inputs, shape[1])) };
}

const decoded = (result: MatrixResult) => dequantize(usableWeight(result));

t.test('codes are those of the definition: column after column, the others solved for each time', (t) => {
  const cases: readonly [string, readonly [number, number], ColumnOrder][] = [
    ['int4-g32', [2, 96], 'given'],
    ['int3-g64-asym', [2, 128], 'given'],
    ['int4-g32', [2, 96], 'groups'],
    ['int4-g32-asym', [2, 96], 'activation'],
    ['int8', [2, 40], 'activation'],
  ];
  for (const [format, shape, order] of cases) {
    const { input } = sample(11, shape, format);
    const expected = quantizeByDefinition(input, order);
    const result = method(order).quantize(input);
    t.strictSame(decoded(result), expected, `${format}, ${order}`);
  }
  t.end();
});

t.test('a matrix wider than a block and its tiles, with more rows than are worked on at once', (t) => {
  const { input, inputs } = sample(21, [66, 416], 'int4-g128');
  const result = method().quantize(input);
  t.strictSame(
    dequantize(result.packed).slice(0, 416),
    quantizeByDefinition({ ...input, rows: 1, values: input.values.slice(0, 416) }, 'given'),
  );
  const last = input.values.slice(65 * 416);
  const alone = method().quantize({ ...input, rows: 1, values: last });
  t.strictSame(dequantize(result.packed).slice(65 * 416), dequantize(alone.packed));
  const expected = productError(input.values, dequantize(result.packed), inputs, 416);
  t.ok(Math.abs(result.error - expected) < 1e-4 * expected);
  t.end();
});

t.test(
  'outputs are nearer to the original than with the nearest codes, and the error says by how much',
  (t) => {
    for (const format of ['int4-g32', 'int2-asym', 'int3-g64'].map(parseQuantization)) {
      for (const order of ['given', 'activation', 'groups'] as const) {
        const { input, inputs } = sample(31, [6, 128], format);
        const result = method(order).quantize(input);
        const expected = productError(input.values, decoded(result), inputs, 128);
        // What is decoded is rounded to f32.
        t.ok(Math.abs(result.error - expected) < 1e-4 * expected, `${result.error} is ${expected}`);
        t.ok(result.error < 0.8 * NEAREST.quantize(input).error);
      }
    }
    t.end();
  },
);

t.test('a group that is wider than a block keeps its scale and zero point, row by row', (t) => {
  const format = { ...parseQuantization('int4-asym'), groupSize: null };
  for (const order of ['given', 'activation'] as const) {
    const { input } = sample(25, [3, 300], format);
    t.strictSame(decoded(method(order).quantize(input)), quantizeByDefinition(input, order), order);
  }
  t.end();
});

t.test('tables are rounded to as well, and scales can be searched for', (t) => {
  for (const format of [STORED_FORMATS['nf4-g64'], STORED_FORMATS.iq4_nl, STORED_FORMATS.mxfp4]) {
    const { input, inputs } = sample(41, [6, 128], format);
    const scales = { kind: 'search', power: 2.4 } as const;
    const searched = gptqMethod({ scales, weighted: true, order: 'given' }).quantize(input);
    for (const result of [method().quantize(input), searched]) {
      const expected = productError(input.values, dequantize(result.packed), inputs, 128);
      t.ok(Math.abs(result.error - expected) < 1e-4 * expected);
      t.ok(result.error < 0.9 * NEAREST.quantize(input).error);
    }
  }
  t.end();
});

t.test('inputs that are always 0 get weights of 0, which do not widen their group’s scale', (t) => {
  const { input, inputs } = sample(51, [3, 64], 'int4-g32');
  for (let i = 0; i < inputs.length; i += 64) inputs.fill(0, i + 3, i + 5);
  input.values[3] = 1000;
  const stats = statsOf(inputs, 64);
  const result = method().quantize({ ...input, stats });
  const made = dequantize(result.packed);
  for (let row = 0; row < 3; row++) t.strictSame([made[row * 64 + 3], made[row * 64 + 4]], [0, 0]);
  t.strictSame(result.notes, ['2 of 64 inputs are always 0: so are their weights now']);
  const expected = productError(input.values, made, inputs, 64);
  t.ok(Math.abs(result.error - expected) < 1e-4 * expected);
  t.end();
});

t.test('where nothing can be made of the Hessian it rounds to nearest, and says so', (t) => {
  const { input } = sample(61, [2, 32], 'int4');
  const { stats, ...rest } = input;
  const notesOf = (changed: MatrixInput) => {
    const result = method().quantize(changed);
    t.strictSame(result.packed, NEAREST.quantize(changed).packed);
    return result.notes;
  };
  const withHessian = (hessian: Float64Array | null) =>
    stats === null ? input : { ...input, stats: { ...stats, hessian } };
  const unknown = ['rounded to nearest: nothing is known of its inputs'];
  t.strictSame(notesOf({ ...rest, stats: null }), unknown);
  t.strictSame(notesOf(withHessian(null)), unknown);
  const unusable = ['rounded to nearest: its inputs are all 0, or no numbers'];
  t.strictSame(notesOf(withHessian(new Float64Array(32 * 32))), unusable);
  t.strictSame(notesOf(withHessian(new Float64Array(32 * 32).fill(Number.NaN))), unusable);
  t.end();
});

t.test('a weight that is no number is refused by its place', (t) => {
  const { input } = sample(71, [2, 32], 'int4');
  input.values[40] = Number.POSITIVE_INFINITY;
  t.throws(() => method().quantize(input), UserError);
  t.throws(() => method().quantize(input), /row 1, column 8 is Infinity/);
  t.end();
});

t.test('the same input gives the same bits', (t) => {
  const { input } = sample(81, [4, 160], 'int4-g32');
  t.strictSame(method('groups').quantize(input), method('groups').quantize(input));
  t.end();
});

t.test('matrices of the same inputs come out as each alone, in any order of columns', (t) => {
  const { input } = sample(71, [3, 128], 'int4-g32');
  const other = { ...input, values: input.values.map((value) => value * value - 0.5) };
  const wider = { ...other, format: parseQuantization('int4-g64') };
  const shared = method('groups');
  for (const one of [input, other, wider, input])
    t.strictSame(shared.quantize(one), method('groups').quantize(one));
  t.end();
});
