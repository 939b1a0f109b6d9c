import t from 'tap';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import { UserError } from '#halflight/errors.js';
import { dequantize, parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { Random } from '../support/random.js';
import { inputsOf, matrixOf, productError, statsOf } from './support.js';

const EXTREMES = nearestMethod({ scales: { kind: 'extremes' }, weighted: false });
const SEARCH = nearestMethod({ scales: { kind: 'search', power: 2 }, weighted: false });
const CLIPPED = nearestMethod({ scales: { kind: 'clip' }, weighted: true });
const WEIGHTED = nearestMethod({ scales: { kind: 'search', power: 2 }, weighted: true });

t.test('with extremes it gives what loading with --quantization gives, bit by bit', (t) => {
  const formats = ['int8', 'int8-g128', 'int4', 'int4-g128-asym', 'int3-g64', 'int2-asym', 'int2-g64'];
  for (const name of formats) {
    const input = matrixOf(new Random(4), [3, 168], name, null);
    const { packed, notes, groupIndex } = EXTREMES.quantize(input);
    t.strictSame(packed, quantizeRtn(input.values, 3, 168, parseQuantization(name)), name);
    t.strictSame([notes, groupIndex], [[], null]);
  }
  t.end();
});

t.test('the error that it tells is that of what it made', (t) => {
  const [rows, cols] = [4, 96];
  const inputs = inputsOf(new Random(5), 40, cols);
  for (const format of [parseQuantization('int4'), STORED_FORMATS['nf4-g64'], STORED_FORMATS.mxfp4]) {
    const input = matrixOf(new Random(6), [rows, cols], format, statsOf(inputs, cols));
    const { packed, error } = EXTREMES.quantize(input);
    const expected = productError(input.values, dequantize(packed), inputs, cols);
    // Dequantized numbers are rounded to f32.
    t.ok(Math.abs(error - expected) < 1e-4 * expected, `${error} is ${expected}`);
  }
  t.end();
});

t.test('a search of scales lessens the error that it looks at', (t) => {
  const cols = 96;
  const stats = { ...statsOf(inputsOf(new Random(7), 40, cols), cols), hessian: null };
  for (const format of ['int4', 'int3-asym', 'int2'].map(parseQuantization)) {
    const plain = matrixOf(new Random(8), [8, cols], format, null);
    t.ok(SEARCH.quantize(plain).error < EXTREMES.quantize(plain).error);
    const known = { ...plain, stats };
    t.ok(WEIGHTED.quantize(known).error < SEARCH.quantize(known).error);
  }
  t.equal(WEIGHTED.needs, 'moments');
  t.end();
});

t.test('clipping lessens the error of the outputs', (t) => {
  const cols = 128;
  const stats = statsOf(inputsOf(new Random(7), 400, cols), cols);
  for (const format of ['int4-g128', 'int3-g64-asym', 'int2-g64'].map(parseQuantization)) {
    const input = matrixOf(new Random(8), [8, cols], format, stats);
    const { error } = CLIPPED.quantize(input);
    t.ok(error < EXTREMES.quantize(input).error, `${error}`);
  }
  const { notes } = CLIPPED.quantize(matrixOf(new Random(8), [1, 128], 'int4', null));
  t.strictSame(notes, [CLIPPED.withoutInputs(parseQuantization('int4'))], 'what cannot be weighed is told');
  t.strictSame([CLIPPED.needs, EXTREMES.needs], ['hessian', 'nothing']);
  t.end();
});

t.test('numbers that no code can stand for are refused with their place', (t) => {
  const input = matrixOf(new Random(9), [2, 32], 'int4', null);
  input.values[33] = Number.NaN;
  t.throws(() => EXTREMES.quantize(input), {
    message: 'matrix: row 1, column 1 is NaN: it cannot be quantized',
  });
  input.values[33] = 1e7;
  t.throws(() => EXTREMES.quantize(input), {
    message: 'matrix: row 1, group 0 is too large for an f16 scale',
  });
  t.throws(() => EXTREMES.quantize({ ...input, format: STORED_FORMATS.q4_k }), UserError);
  t.end();
});
