import t from 'tap';
import { choosePrecisions, type Way } from '#halflight/calibrate/precision.js';
import { Random } from '../support/random.js';

const sum = (ways: readonly Way[], of: 'bytes' | 'cost') => ways.reduce((total, way) => total + way[of], 0);

/** The least cost of all combinations. */
function leastCost(matrices: readonly (readonly Way[])[], budget: number): number {
  if (matrices.length === 0) return budget < 0 ? Number.POSITIVE_INFINITY : 0;
  const [ways, ...rest] = matrices;
  return Math.min(...ways.map(({ bytes, cost }) => cost + leastCost(rest, budget - bytes)));
}

/** Each costs less the larger it is, but for some. */
function problem(seed: number, unit: number): Way[][] {
  const random = new Random(seed);
  return Array.from({ length: 6 }, () =>
    Array.from({ length: 1 + random.below(4) }, (_, i) => ({
      bytes: unit * (3 + i + random.below(3)),
      cost: random.below(1000) / (1 + i) / 7,
    })),
  );
}

t.test('nothing within the budget costs less, as all combinations show', (t) => {
  for (let seed = 0; seed < 40; seed++) {
    const matrices = problem(seed, 96);
    const least = matrices.reduce((total, ways) => total + Math.min(...ways.map(({ bytes }) => bytes)), 0);
    for (const budget of [least, least + 96, least + 500, least + 10_000]) {
      const chosen = choosePrecisions(matrices, budget);
      t.ok(sum(chosen, 'bytes') <= budget);
      // Sums of six numbers in another order.
      t.ok(Math.abs(sum(chosen, 'cost') - leastCost(matrices, budget)) < 1e-9);
    }
  }
  t.end();
});

t.test('odd sizes are rounded up to steps: never over the budget, and nearly the best', (t) => {
  for (let seed = 0; seed < 10; seed++) {
    const matrices = problem(seed, 100_000).map((ways) =>
      ways.map(({ bytes, cost }, i) => ({ bytes: bytes + 7 * i + 1, cost })),
    );
    const least = matrices.reduce((total, ways) => total + Math.min(...ways.map(({ bytes }) => bytes)), 0);
    for (const budget of [least, least + 300_000]) {
      const chosen = choosePrecisions(matrices, budget);
      t.ok(sum(chosen, 'bytes') <= budget);
      // Six matrices and the budget lose a step each at most.
      const lost = 7 * Math.ceil(budget / 20_000);
      t.ok(sum(chosen, 'cost') <= leastCost(matrices, budget - lost) + 1e-9);
    }
  }
  t.end();
});

t.test('a budget that is too small is refused', (t) => {
  t.throws(() => choosePrecisions([[{ bytes: 10, cost: 1 }]], 9), /take 10 bytes at least, but may take 9/);
  t.end();
});
