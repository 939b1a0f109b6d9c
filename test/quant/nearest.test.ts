import t from 'tap';
import { dequantize, parseQuantization } from '#halflight/quant/formats.js';
import { quantizeNearest } from '#halflight/quant/nearest.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { TABLES } from '#halflight/quant/tables.js';
import { Random } from '../support/random.js';

/** A row is no whole number of groups, nor of blocks. */
const [ROWS, COLS, GROUP] = [3, 150, 64];

for (const name of ['nf4', 'fp4'] as const)
  t.test(`${name}: a group's largest number is met, and others become the nearest of the table`, (t) => {
    const random = new Random(3);
    const values = Float32Array.from({ length: ROWS * COLS }, () => random.below(2001) / 1000 - 1);
    const became = dequantize(quantizeNearest(values, ROWS, COLS, parseQuantization(name)));
    const table = [...TABLES[name]];
    for (let i = 0; i < values.length; i++) {
      const [row, col] = [Math.floor(i / COLS), i % COLS];
      const start = row * COLS + col - (col % GROUP);
      const group = values.subarray(start, Math.min(start + GROUP, (row + 1) * COLS));
      const scale = group.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      const least = Math.min(...table.map((level) => Math.abs(level * scale - values[i])));
      // A number in the middle of two, and what is decoded, are rounded to f32.
      if (Math.abs(Math.abs(became[i] - values[i]) - least) > 1e-6 * scale)
        t.fail(`${i}: ${values[i]} became ${became[i]}`);
    }
    t.end();
  });

t.test('integers are rounded as ever, and numbers that no code stands for are told', (t) => {
  const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
  const int4 = parseQuantization('int4');
  t.strictSame(quantizeNearest(values, 2, 32, int4), quantizeRtn(values, 2, 32, int4));
  values[40] = Number.POSITIVE_INFINITY;
  const nf4 = parseQuantization('nf4');
  t.throws(() => quantizeNearest(values, 2, 32, nf4, 'w', 10), /^w: row 11, column 8 is Infinity: .*nf4-g64/);
  t.end();
});
