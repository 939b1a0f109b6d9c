import t from 'tap';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import { tensorScaleMethod } from '#halflight/calibrate/tensor-scale.js';
import { dequantize, parseQuantization } from '#halflight/quant/formats.js';
import { Random } from '../support/random.js';

const [ROWS, COLS] = [7, 96];
const method = tensorScaleMethod(nearestMethod({ scales: { kind: 'extremes' }, weighted: false }));
const format = parseQuantization('int8');

t.test('all rows have the scale of the largest number of all, and the nearest codes', (t) => {
  const values = new Random(5).values(ROWS * COLS);
  values[3 * COLS + 5] = -4;
  const input = { name: 'w', values, rows: ROWS, cols: COLS, format, stats: null };
  const { packed, error } = method.quantize(input);
  const became = dequantize(packed);
  t.equal(new Set(packed.scales).size, 1);
  // −4 has the lowest code, −128: a step is 1/32, so numbers are off by half of that at most. The scale is exact.
  const errors = values.map((value, i) => value - became[i]);
  t.ok(errors.every((off) => Math.abs(off) <= 1 / 64));
  const mean = errors.reduce((sum, off) => sum + off * off, 0) / ROWS;
  // Numbers are rounded to f32.
  t.ok(Math.abs(error - mean) < 1e-5 * mean);
  t.end();
});

t.test('rows of no whole blocks, and scales of groups, have no such form', (t) => {
  const input = { name: 'w', values: new Float32Array(66), rows: 2, cols: 33, format, stats: null };
  t.throws(() => method.quantize(input), RangeError);
  const grouped = { ...input, values: new Float32Array(64), cols: 32, format: parseQuantization('int4') };
  t.throws(() => method.quantize(grouped), RangeError);
  t.end();
});
