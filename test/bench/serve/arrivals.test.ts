import t from 'tap';
import { arrivals } from '#halflight/bench/serve/arrivals.js';
import { Draws } from '#halflight/bench/serve/random.js';

function gaps(burstiness: number): { mean: number; variation: number } {
  const times = arrivals(5001, 10, burstiness, new Draws(3));
  const values = times.slice(1).map((time, i) => time - times[i]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return { mean, variation: deviation / mean };
}

t.test('requests arrive at the rate, the first at once', (t) => {
  const times = arrivals(101, 10, 1, new Draws(1));
  t.equal(times[0], 0);
  t.ok(Math.abs(times[100] - 10_000) < 1e-6, 'the 101st after 10 s');
  t.ok(times.every((time, i) => i === 0 || time >= times[i - 1]));
  t.end();
});

t.test('gaps vary as those of a Poisson process, more in bursts, and less with a high burstiness', (t) => {
  // Deviation over mean of a gamma distribution is 1 / √shape; over 5,000 gaps it is met within some percent.
  for (const [burstiness, expected] of [
    [1, 1],
    [0.25, 2],
    [100, 0.1],
  ]) {
    const { mean, variation } = gaps(burstiness);
    t.ok(Math.abs(mean - 100) < 1e-6);
    t.ok(Math.abs(variation / expected - 1) < 0.1, `${variation} is about ${expected}`);
  }
  t.end();
});

t.test('without a rate all arrive at once', (t) => {
  t.strictSame(arrivals(3, Number.POSITIVE_INFINITY, 1, new Draws(1)), [0, 0, 0]);
  t.strictSame(arrivals(1, 5, 1, new Draws(1)), [0], 'a lone request has no gap');
  t.end();
});
