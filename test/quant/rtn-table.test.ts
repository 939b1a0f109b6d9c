import t from 'tap';
import { dequantize, STORED_FORMATS } from '#halflight/quant/formats.js';
import { quantizeTable } from '#halflight/quant/rtn-table.js';
import { TABLES } from '#halflight/quant/tables.js';
import { refuses } from '../support/commands.js';
import { Random } from '../support/random.js';

const NF4 = STORED_FORMATS['nf4-g64'];

t.test('every value becomes the nearest entry times the greatest of its group', (t) => {
  const values = new Random(3).values(2 * 128);
  const weight = quantizeTable(values, 2, 128, NF4);
  dequantize(weight).forEach((got, i) => {
    const group = values.subarray(i - (i % 64), i - (i % 64) + 64);
    const scale = group.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const least = Math.min(...TABLES.nf4.map((entry) => Math.abs(entry * scale - values[i])));
    // Both products are rounded to f32.
    if (Math.abs(Math.abs(got - values[i]) - least) > 1e-6 * scale)
      t.fail(`value ${i}: ${values[i]} became ${got}`);
  });
  t.end();
});

t.test('a group of zeros stays zero', (t) => {
  t.ok(dequantize(quantizeTable(new Float32Array(64), 1, 64, NF4)).every((value) => value === 0));
  t.end();
});

t.test('what no code can stand for is refused with its place', async (t) => {
  const values = new Float32Array(128);
  values[70] = Number.NaN;
  await refuses(t, () => quantizeTable(values, 2, 64, NF4, 'w'), /^w: row 1, column 6 is NaN/);
  t.throws(() => quantizeTable(values, 1, 96, NF4), RangeError);
});
