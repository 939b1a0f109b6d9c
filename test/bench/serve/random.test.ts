import t, { type Test } from 'tap';
import { Draws } from '#halflight/bench/serve/random.js';

const COUNT = 20_000;

function sample(
  draw: (draws: Draws) => number,
  seed = 1,
): { mean: number; deviation: number; least: number; most: number } {
  const draws = new Draws(seed);
  const values = Array.from({ length: COUNT }, () => draw(draws));
  const mean = values.reduce((sum, value) => sum + value, 0) / COUNT;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / COUNT);
  return { mean, deviation, least: Math.min(...values), most: Math.max(...values) };
}

/** Means of 20,000 draws scatter by 0.7% of the deviation: 4% is more than five times that. */
function near(t: Test, value: number, expected: number): void {
  t.ok(Math.abs(value - expected) < 0.04 * expected, `${value} is about ${expected}`);
}

t.test('a seed gives the same draws, another one others', (t) => {
  const three = (seed: number) => {
    const draws = new Draws(seed);
    return [draws.uniform(), draws.uniform(), draws.uniform()];
  };
  t.strictSame(three(7), three(7));
  t.strictNotSame(three(7), three(8));
  t.strictNotSame(three(7), three(7 + 2 ** 32));
  t.end();
});

t.test('distributions have the mean and deviation of their names', (t) => {
  const uniform = sample((draws) => draws.uniform());
  near(t, uniform.mean, 0.5);
  t.ok(uniform.least >= 0 && uniform.most < 1);
  near(t, sample((draws) => draws.exponential(3)).deviation, 3);
  near(t, sample((draws) => draws.normal() + 10).mean, 10);
  near(t, sample((draws) => draws.normal()).deviation, 1);
  // A gamma distribution of that shape has its shape as mean and as variance.
  for (const shape of [0.3, 1, 4]) {
    near(t, sample((draws) => draws.gamma(shape)).mean, shape);
    near(t, sample((draws) => draws.gamma(shape)).deviation, Math.sqrt(shape));
  }
  t.end();
});

t.test('lengths are fixed, of a range, or of a distribution, and never 0', (t) => {
  const of = (
    shape: 'fixed' | 'uniform' | 'normal' | 'lognormal' | 'exponential',
    mean: number,
    spread: number,
  ) => sample((draws) => draws.length({ shape, mean, spread }));
  t.strictSame(of('fixed', 12, 0), { mean: 12, deviation: 0, least: 12, most: 12 });
  t.match(of('uniform', 12.5, 2.5), { least: 10, most: 15 });
  near(t, of('normal', 100, 10).mean, 100);
  near(t, of('normal', 100, 10).deviation, 10);
  near(t, of('lognormal', 100, 50).mean, 100);
  near(t, of('lognormal', 100, 50).deviation, 50);
  near(t, of('exponential', 100, 0).mean, 100);
  t.equal(of('normal', 2, 10).least, 1);
  t.end();
});

t.test('shuffling keeps every value', (t) => {
  const shuffled = new Draws(1).shuffled([1, 2, 3, 4, 5, 6, 7, 8]);
  t.strictNotSame(shuffled, [1, 2, 3, 4, 5, 6, 7, 8]);
  t.strictSame(
    shuffled.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  t.end();
});
