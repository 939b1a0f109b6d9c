import t from 'tap';
import { RowRounder, segmentsOf } from '#halflight/calibrate/row-rounder.js';
import { dequantize, parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { getCode } from '#halflight/quant/planes.js';
import { Random } from '../support/random.js';
import { matrixOf } from './support.js';

t.test('the last group of a row may be short', (t) => {
  t.strictSame(segmentsOf({ format: parseQuantization('int4-g64'), cols: 100 }), [
    { group: 0, start: 0, end: 64 },
    { group: 1, start: 64, end: 100 },
  ]);
  t.strictSame(segmentsOf({ format: parseQuantization('int8'), cols: 100 }), [
    { group: 0, start: 0, end: 100 },
  ]);
  t.end();
});

t.test('groups may be fitted in any order, and padding decodes to 0', (t) => {
  for (const format of [
    parseQuantization('int4-g32-asym'),
    { ...STORED_FORMATS['nf4-g64'], groupSize: 32 },
  ]) {
    const input = matrixOf(new Random(1), [1, 40], format, null);
    const rounder = new RowRounder(input, { kind: 'extremes' });
    const values = Float64Array.from(input.values);
    const codes = new Uint8Array(40);
    for (const { group, start, end } of segmentsOf(input).toReversed()) {
      rounder.fit(0, group, { values, start, end, importance: null });
      for (let k = start; k < end; k++) codes[k] = rounder.grid.code(values[k]);
    }
    rounder.finish(0, codes);
    const made = dequantize(rounder.packed);
    // The largest of cubes of uniform numbers is about 1: at 4 bits a step is some 0.13, of NF4 up to 0.3.
    t.ok(made.every((value, k) => Math.abs(value - values[k]) < 0.16));
    const padded = dequantize({ ...rounder.packed, cols: 64 });
    t.ok(padded.subarray(40).every((value) => value === 0));
    t.equal(getCode(rounder.packed.codes, 3, 4), codes[3]);
  }
  t.end();
});

t.test('a shape that is not that of the values is refused', (t) => {
  const input = { ...matrixOf(new Random(1), [2, 32], 'int4', null), rows: 3 };
  t.throws(() => new RowRounder(input, { kind: 'extremes' }), RangeError);
  t.end();
});
