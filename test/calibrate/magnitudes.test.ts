import t from 'tap';
import { Magnitudes } from '#halflight/calibrate/magnitudes.js';

const whole = (values: Float32Array) => ({ stride: values.length, start: 0, count: values.length });

function of(...samples: readonly (readonly number[])[]): Magnitudes {
  const magnitudes = new Magnitudes();
  for (const sample of samples) magnitudes.add(Float32Array.from(sample), whole(Float32Array.from(sample)));
  return magnitudes;
}

t.test('values are counted by their size, whatever their sign', (t) => {
  const magnitudes = of([0.5, -0.5, 1, 0]);
  const { counts, binWidth } = magnitudes;
  t.equal(binWidth, 2 ** -12);
  t.strictSame([counts[0], counts[2048], counts[4095]], [1, 2, 1]);
  t.equal(magnitudes.greatest, 1);
  t.end();
});

t.test('where a value is beyond the range it doubles, and the counts are those of any other order', (t) => {
  const [small, large] = [
    [0.001, 0.4, -0.9],
    [100, -3, 0.002],
  ];
  const [first, second] = [of(small, large), of(large, small)];
  t.strictSame(first.counts, second.counts);
  t.equal(first.binWidth, 128 / 4096);
  t.strictSame(of([0, 0], small).counts.slice(1), of(small).counts.slice(1));
  t.end();
});

t.test('the moving average is of each sample’s greatest', (t) => {
  // 1, then 1 + 0.1 · (3 − 1), then 1.2 − 0.1 · 1.2. In f64.
  t.ok(Math.abs(of([1, 0.5], [-3, 2], [0]).movingGreatest - 1.08) < 1e-12);
  t.equal(of([1], [9]).greatest, 9);
  t.end();
});

t.test('some columns of rows are taken', (t) => {
  const magnitudes = new Magnitudes();
  magnitudes.add(Float32Array.of(9, 1, 2, 9, 9, 0.5, 0.5, 9), { stride: 4, start: 1, count: 2 });
  t.equal(magnitudes.greatest, 2);
  t.equal(
    magnitudes.counts.reduce((a, b) => a + b, 0),
    4,
  );
  t.end();
});

t.test('nothing but zeros has no range, and what is no number is refused', (t) => {
  t.match(of([0, 0]), { greatest: 0, binWidth: 0 });
  t.throws(() => of([Number.NaN]), RangeError);
  t.throws(() => of([Number.POSITIVE_INFINITY]), RangeError);
  t.end();
});
