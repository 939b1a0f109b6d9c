import t from 'tap';
import { parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { keepGain } from '#halflight/quant/gain.js';
import { Grid } from '#halflight/quant/grid.js';
import { refineGrid } from '#halflight/quant/half-quadratic.js';
import { scaleFit } from '#halflight/quant/scale-fit.js';
import type { WeightFormat } from '#halflight/quant/weight.js';
import { gram } from '../calibrate/support.js';
import { Random } from '../support/random.js';

const groupOf = (values: ArrayLike<number>, importance: Float64Array | null = null) => ({
  values: Float64Array.from(values),
  start: 0,
  end: values.length,
  importance,
});

/** Cubes of uniform numbers: most are small, as weights are. */
const group = (seed: number) => groupOf(new Random(seed).values(32).map((value) => value ** 3));

const errorOf = (grid: Grid, values: Float64Array, power: number, importance: Float64Array | null = null) =>
  values.reduce(
    (sum, value, k) => sum + (importance?.[k] ?? 1) * Math.abs(value - grid.value(grid.code(value))) ** power,
    0,
  );

t.test('extremes: the largest magnitude is a code of its own in every format', (t) => {
  const formats: readonly WeightFormat[] = [
    parseQuantization('int8'),
    parseQuantization('int3'),
    STORED_FORMATS['nf4-g64'],
    STORED_FORMATS.iq4_nl,
  ];
  for (const format of formats) {
    const grid = new Grid(format);
    const { values, ...rest } = group(5);
    scaleFit(format, { kind: 'extremes' })(grid, { values, ...rest });
    const extreme = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    // Only the scale is rounded: to 11 bits at least.
    t.ok(Math.abs(grid.value(grid.code(extreme)) / extreme - 1) < 2 ** -11, format.reader);
  }
  t.end();
});

t.test('the search finds the best of all candidates, as trying each by hand does', (t) => {
  const format = parseQuantization('int4');
  const fit = scaleFit(format, { kind: 'search', power: 2.4 });
  for (let seed = 0; seed < 20; seed++) {
    const grid = new Grid(format);
    fit(grid, group(seed));
    const found = errorOf(grid, group(seed).values, 2.4);
    const extreme = group(seed).values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 80; i++) {
      for (const sign of [1, -1]) {
        grid.set((sign * extreme * (100 - i)) / 100 / -8);
        best = Math.min(best, errorOf(grid, group(seed).values, 2.4));
      }
    }
    // (100 − i) / 100 and 1 − i / 100 may differ in their last bit, and f16 scales with them.
    t.ok(Math.abs(found - best) <= 1e-3 * best, `${found} is ${best}`);
  }
  t.end();
});

t.test('by importance, an error that matters more is made smaller at the cost of the others', (t) => {
  const format = parseQuantization('int3-asym');
  const grid = new Grid(format);
  const importance = Float64Array.from({ length: 32 }, (_, k) => (k % 8 === 7 ? 100 : 1));
  const [plain, weighted] = [
    { own: 0, all: 0 },
    { own: 0, all: 0 },
  ];
  for (let seed = 0; seed < 20; seed++) {
    const { values } = group(seed);
    for (const [sums, weights] of [
      [plain, null],
      [weighted, importance],
    ] as const) {
      scaleFit(format, { kind: 'search', power: 2 })(grid, groupOf(values, weights));
      sums.own += errorOf(grid, values, 2, importance);
      sums.all += errorOf(grid, values, 2);
    }
  }
  t.ok(weighted.own < 0.9 * plain.own);
  t.ok(weighted.all > plain.all);
  t.end();
});

t.test('a power of two may be one up or down from that of the standard', (t) => {
  const format = STORED_FORMATS.mxfp4;
  const grid = new Grid(format);
  // The greatest, 7.9, would be cut to 6 by the standard's scale of 1 (0.5 of the table's doubled numbers).
  const values = Float64Array.of(7.9, 7.8, -7.9, 0.1);
  scaleFit(format, { kind: 'extremes' })(grid, groupOf(values));
  t.equal(grid.scale, 0.5);
  scaleFit(format, { kind: 'search', power: 2 })(grid, groupOf(values));
  t.equal(grid.scale, 1);
  t.end();
});

t.test('HQQ, and a search that is asked to, keep the gain', (t) => {
  for (const format of ['int4', 'int3-asym'].map(parseQuantization)) {
    const [grid, own] = [new Grid(format), new Grid(format)];
    const { values } = group(1);
    const importance = values.map((_, k) => 1 + (k % 3));
    const numbers = groupOf(values, importance);
    scaleFit(format, { kind: 'search', power: 2 })(own, numbers);
    keepGain(own, numbers);
    scaleFit(format, { kind: 'search', power: 2, keepsGain: true })(grid, numbers);
    t.match(grid, { scale: own.scale, zero: own.zero });
    scaleFit(format, { kind: 'extremes' })(own, numbers);
    refineGrid(own, numbers);
    keepGain(own, numbers);
    scaleFit(format, { kind: 'half-quadratic' })(grid, numbers);
    t.match(grid, { scale: own.scale, zero: own.zero });
  }
  t.end();
});

/** Σ δ·M·δᵀ over runs of 128 columns, as its formula. */
function momentError(grid: Grid, values: Float64Array, moments: Float64Array): number {
  const n = values.length;
  const errors = values.map((value) => value - grid.value(grid.code(value)));
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++)
      if (Math.floor(i / 128) === Math.floor(j / 128)) sum += errors[i] * moments[i * n + j] * errors[j];
  }
  return sum;
}

t.test('clipping is by the error of the outputs, in runs of 128 columns: the best of ten ranges', (t) => {
  const n = 160;
  const moments = gram(new Random(1), 40, n);
  for (const format of ['int4', 'int3-asym'].map(parseQuantization)) {
    const [grid, best] = [new Grid(format), new Grid(format)];
    for (let seed = 0; seed < 10; seed++) {
      const group = groupOf(new Random(seed).values(n).map((value) => value ** 3));
      scaleFit(format, { kind: 'clip' })(grid, { ...group, moments });
      const [least, greatest] = [Math.min(0, ...group.values), Math.max(0, ...group.values)];
      let [error, scale, zero] = [Number.POSITIVE_INFINITY, 0, 0];
      for (const sign of format.zeroPoints ? [1] : [1, -1]) {
        for (let i = 0; i < 10; i++) {
          const factor = 1 - i / 20;
          if (format.zeroPoints) best.setRange(factor * least, factor * greatest);
          else best.set((factor * sign * (greatest > -least ? greatest : least)) / -8);
          const found = momentError(best, group.values, moments);
          if (found < error) [error, scale, zero] = [found, best.scale, best.zero];
        }
      }
      best.set(scale, zero);
      t.match(grid, { scale: best.scale, zero });
    }
  }
  t.end();
});

t.test('without moments clipping is by importance', (t) => {
  const format = parseQuantization('int4');
  const [clipped, searched] = [new Grid(format), new Grid(format)];
  let [own, other] = [0, 0];
  for (let seed = 0; seed < 20; seed++) {
    const weighed = groupOf(
      group(seed).values,
      Float64Array.from({ length: 32 }, (_, k) => 1 + (k % 5)),
    );
    scaleFit(format, { kind: 'clip' })(clipped, weighed);
    scaleFit(format, { kind: 'extremes' })(searched, weighed);
    own += errorOf(clipped, weighed.values, 2, weighed.importance);
    other += errorOf(searched, weighed.values, 2, weighed.importance);
  }
  t.ok(own < 0.9 * other);
  t.end();
});
