import t from 'tap';
import { parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { anchorOf, Grid } from '#halflight/quant/grid.js';
import type { WeightFormat } from '#halflight/quant/weight.js';
import { Random } from '../support/random.js';

const FORMATS: Readonly<Record<string, WeightFormat>> = {
  int8: parseQuantization('int8'),
  int4: parseQuantization('int4'),
  'int3-asym': parseQuantization('int3-asym'),
  nf4: STORED_FORMATS['nf4-g64'],
  fp4: STORED_FORMATS['fp4-g64'],
  iq4: STORED_FORMATS.iq4_nl,
  mxfp4: STORED_FORMATS.mxfp4,
};

t.test('no code stands for a number nearer than the one that is chosen, whatever the scale’s sign', (t) => {
  const random = new Random(3);
  for (const [name, format] of Object.entries(FORMATS)) {
    const grid = new Grid(format);
    const codes = Array.from({ length: 2 ** format.bits }, (_, code) => code);
    for (const scale of format.scaleType === 'e8m0' ? [0.25, 2] : [0.25, -0.375]) {
      grid.set(scale, format.zeroPoints ? 3 : 2 ** (format.bits - 1));
      for (const value of random.values(200)) {
        const nearest = Math.min(...codes.map((code) => Math.abs(grid.value(code) - 20 * value)));
        // A quotient that is rounded may take the farther of two codes where they are equally near but for the last bit of f64.
        const chosen = Math.abs(grid.value(grid.code(20 * value)) - 20 * value);
        t.ok(chosen <= nearest + 1e-12, `${name}, scale ${scale}: ${20 * value}`);
      }
    }
  }
  t.end();
});

t.test('every code of a number is chosen for it, but for the second of two zeros', (t) => {
  for (const [name, format] of Object.entries(FORMATS)) {
    const grid = new Grid(format);
    grid.set(0.5);
    for (let code = 0; code < 2 ** format.bits; code++) {
      const chosen = grid.code(grid.value(code));
      t.ok(chosen === code || (grid.value(code) === 0 && chosen < code), `${name}: ${code}`);
    }
  }
  t.end();
});

t.test('a range from −5 to 10 takes 15 steps, and its zero point is exact', (t) => {
  const grid = new Grid(parseQuantization('int4-asym'));
  grid.setRange(-5, 10);
  t.match(grid, { scale: 1, zero: 5 });
  t.strictSame(
    [-5, 0, 10, 99, -99].map((value) => grid.code(value)),
    [0, 5, 15, 15, 0],
  );
  t.end();
});

t.test('scales are numbers of their type', (t) => {
  const f16 = new Grid(parseQuantization('int4'));
  f16.set(1 / 3);
  t.equal(f16.scale, 0.333251953125);
  f16.set(1e6);
  t.equal(f16.scale, Number.POSITIVE_INFINITY);
  const power = new Grid(STORED_FORMATS.mxfp4);
  power.set(0.9);
  t.equal(power.scale, 0.5);
  power.set(0);
  t.equal(power.scale, 2 ** -128);
  power.set(1e300);
  t.equal(power.scale, 2 ** 127);
  t.end();
});

t.test('a scale of 0 leaves only 0', (t) => {
  for (const name of ['int4', 'int4-asym', 'int8']) {
    const grid = new Grid(parseQuantization(name));
    grid.setRange(0, 0);
    t.equal(grid.value(grid.code(7)), 0, name);
  }
  t.end();
});

t.test('what the largest magnitude is mapped to', (t) => {
  t.strictSame(anchorOf(FORMATS.int4), { anchor: -8, symmetric: false });
  t.strictSame(anchorOf(FORMATS.iq4), { anchor: -127, symmetric: false });
  t.strictSame(anchorOf(FORMATS.nf4), { anchor: 1, symmetric: true });
  t.strictSame(anchorOf(FORMATS.mxfp4), { anchor: 8, symmetric: true });
  t.end();
});

t.test('floats and scales of two levels are no grid', (t) => {
  for (const format of [STORED_FORMATS.e4m3, STORED_FORMATS.iq4_xs, STORED_FORMATS.q6_k]) {
    t.throws(() => new Grid(format), RangeError);
  }
  t.end();
});
