import t from 'tap';
import { parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { Grid } from '#halflight/quant/grid.js';
import { refineGrid } from '#halflight/quant/half-quadratic.js';
import { scaleFit } from '#halflight/quant/scale-fit.js';
import { Random } from '../support/random.js';

const groupOf = (values: ArrayLike<number>) => ({
  values: Float64Array.from(values),
  start: 0,
  end: values.length,
  importance: null,
});

const meanError = (grid: Grid, values: Float64Array) =>
  values.reduce((sum, value) => sum + Math.abs(value - grid.value(grid.code(value))), 0) / values.length;

t.test('the mean error never grows, and falls in many groups', (t) => {
  const formats = [
    parseQuantization('int4'),
    parseQuantization('int2-asym'),
    parseQuantization('int4-asym'),
    STORED_FORMATS['nf4-g64'],
  ];
  for (const format of formats) {
    let better = 0;
    for (let seed = 0; seed < 40; seed++) {
      const group = groupOf(new Random(seed).values(64).map((value) => value ** 3));
      const grid = new Grid(format);
      scaleFit(format, { kind: 'extremes' })(grid, group);
      const before = meanError(grid, group.values);
      refineGrid(grid, group);
      const after = meanError(grid, group.values);
      t.ok(after <= before);
      if (after < 0.99 * before) better++;
    }
    t.ok(better >= 15, `${format.table ?? format.reader}: ${better} of 40`);
  }
  t.end();
});

t.test('of numbers as small as weights no error is let be, so that the squared error never grows', (t) => {
  const format = parseQuantization('int4');
  for (let seed = 0; seed < 10; seed++) {
    const group = groupOf(new Random(seed).values(64).map((value) => 0.05 * value ** 3));
    const grid = new Grid(format);
    scaleFit(format, { kind: 'extremes' })(grid, group);
    const squares = () =>
      group.values.reduce((sum, value) => sum + (value - grid.value(grid.code(value))) ** 2, 0);
    const before = squares();
    refineGrid(grid, group);
    // Scales are rounded to 11 bits.
    t.ok(squares() <= (1 + 2 ** -10) * before);
  }
  t.end();
});

t.test('numbers that the grid holds exactly stay, and so do zeros', (t) => {
  const grid = new Grid(parseQuantization('int4-asym'));
  grid.set(0.5, 3);
  refineGrid(grid, groupOf(Array.from({ length: 16 }, (_, code) => 0.5 * (code - 3))));
  t.match(grid, { scale: 0.5, zero: 3 });
  grid.set(0, 0);
  refineGrid(grid, groupOf(new Float64Array(8)));
  t.equal(grid.scale, 0);
  t.end();
});

/**
 * One round by hand at 2 bits: of 0, 1.1, 2.1 and 4 on a grid of 0 … 3 by 1, the codes are 0, 1, 2 and 3 with errors 0, 0.1, 0.1 and 1. Errors of
 * 0.1 shrink to 0 (0.1 < 0.1^−0.3 / 10 = 0.2) and that of 1 to 0.9, so what is left is 0, 1.1, 2.1 and 3.1: the mean of code − that is −0.075, the
 * zero point stays 0, and the scale becomes (1.1 + 2 · 2.1 + 3 · 3.1) / 14.
 */
t.test('one round by hand', (t) => {
  const grid = new Grid({ ...parseQuantization('int2-asym'), scaleType: 'f32' });
  grid.set(1, 0);
  const values = [0, 1.1, 2.1, 4];
  refineGrid(grid, groupOf(values));
  const first = (1.1 + 2 * 2.1 + 3 * 3.1) / 14;
  t.ok(grid.scale >= first - 1e-6, 'later rounds only go on');
  t.ok(
    meanError(grid, Float64Array.from(values)) <=
      [0, 1, 2, 3].reduce((sum, code, i) => sum + Math.abs(values[i] - first * code), 0) / 4 + 1e-7,
  );
  t.equal(grid.zero, 0);
  t.end();
});
