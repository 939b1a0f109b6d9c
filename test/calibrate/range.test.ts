import t from 'tap';
import { Magnitudes } from '#halflight/calibrate/magnitudes.js';
import { parseRange, RANGE_NAMES, stepOf } from '#halflight/calibrate/range.js';
import { Random } from '../support/random.js';

function of(values: Float32Array): Magnitudes {
  const magnitudes = new Magnitudes();
  magnitudes.add(values, { stride: values.length, start: 0, count: values.length });
  return magnitudes;
}

/** 100,000 values of a bell within ±3, and some outliers. */
function bell(outliers: readonly number[]): Float32Array {
  const random = new Random(1);
  const values = Float32Array.from({ length: 100_000 }, () => {
    const terms = Array.from({ length: 6 }, () => random.below(1000) / 1000 - 0.5);
    return terms.reduce((a, b) => a + b, 0);
  });
  values.set(outliers);
  return values;
}

const range = (name: string, values: Float32Array) => parseRange(name)(of(values));

t.test('the extremes are the range of minmax, and of ema with one sample', (t) => {
  const values = bell([-50]);
  t.equal(range('minmax', values), 50);
  t.equal(range('ema', values), 50);
  t.end();
});

t.test('a few outliers are beyond the ranges of percentile and entropy, which still hold nearly all', (t) => {
  const values = bell([-50, 40]);
  for (const name of ['percentile', 'entropy']) {
    const chosen = range(name, values);
    const inside = values.filter((value) => Math.abs(value) <= chosen).length;
    t.ok(chosen < 20 && inside > 0.99 * values.length, `${name}: ${chosen}, ${inside} inside`);
  }
  t.end();
});

t.test('percentile is the first edge of a bin with all but one in ten thousand', (t) => {
  const values = Float32Array.from({ length: 20_000 }, (_, i) => (i + 1) / 20_000);
  const edge = range('percentile', values);
  t.ok(edge >= 0.9999 && edge < 0.9999 + 1 / 4096, String(edge));
  t.end();
});

t.test('the range of mse has no more error than any other that is tried', (t) => {
  const values = bell([-9]);
  const error = (greatest: number) => {
    const step = greatest / 127;
    return values.reduce((sum, v) => {
      const code = Math.max(-127, Math.min(127, Math.round(v / step)));
      return sum + (v - code * step) ** 2;
    }, 0);
  };
  const best = error(range('mse', values));
  // Bins stand for their middles, so by a percent or two another may be better.
  for (let greatest = 0.5; greatest <= 9; greatest += 0.25)
    t.ok(best < 1.03 * error(greatest), String(greatest));
  t.end();
});

t.test('an even spread keeps its whole range by every rule', (t) => {
  const values = Float32Array.from(
    { length: 50_000 },
    (_, i) => (i % 2 === 0 ? 1 : -1) * ((i + 0.5) / 50_000),
  );
  for (const name of RANGE_NAMES) t.ok(range(name, values) > 0.98, `${name}: ${range(name, values)}`);
  t.end();
});

t.test('a step is a 127th of the range, an f32, and 1 where all is nothing', (t) => {
  t.equal(stepOf(of(Float32Array.of(-12.7)), parseRange('minmax')), Math.fround(Math.fround(12.7) / 127));
  for (const name of RANGE_NAMES) t.equal(stepOf(of(new Float32Array(4)), parseRange(name)), 1, name);
  t.end();
});

t.test('an unknown rule is refused', (t) => {
  t.throws(() => parseRange('max'), {
    name: 'UserError',
    message: /"max" is none of minmax, ema, percentile/,
  });
  t.end();
});
