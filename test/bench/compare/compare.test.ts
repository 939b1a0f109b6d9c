import t from 'tap';
import { compareTurns, type Turn, takeTurns } from '#halflight/bench/compare/compare.js';
import { facts, measurement } from '../../support/load.js';

const turn = (...throughputs: number[]): Turn => ({
  facts: facts(),
  measurements: throughputs.map((output_throughput) => measurement({ output_throughput })),
});

t.test('variants take turns, each repeat in another order', async (t) => {
  const order: string[] = [];
  const turns = await takeTurns(['a', 'b', 'c'], 3, async (variant, repeat) => {
    order.push(`${variant}${repeat}`);
    return turn(repeat);
  });
  t.equal(order.join(' '), 'a0 b0 c0 b1 c1 a1 c2 a2 b2');
  t.strictSame(
    turns.map((own) => own.map(({ measurements }) => measurements[0].summary.output_throughput)),
    [
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ],
  );
});

t.test('each is held against the first in the same repeat, and its crossover found', (t) => {
  const [base, other] = compareTurns(
    ['full', 'int4'],
    [1, 16],
    [
      [turn(100, 400), turn(50, 200)],
      [turn(200, 200), turn(100, 100)],
    ],
  );
  t.equal(base.levels[0].ratio, null);
  t.equal(base.levels[0].throughput.mean, 75);
  t.match(other.levels, [
    { concurrency: 1, ratio: { mean: 2, halfWidth: 0 }, ttftMs: { mean: 100 }, itlMs: { mean: 15 } },
    { concurrency: 16, ratio: { mean: 0.5, halfWidth: 0 }, goodput: null, failed: 0 },
  ]);
  t.equal(other.levels[0].times.length, 2, 'of both repeats');
  // From 2 to 0.5 over log 16: 1 is two thirds of the way.
  t.ok(Math.abs(other.crossovers[0].load - 16 ** (2 / 3)) < 1e-9);
  t.strictSame(base.crossovers, []);
  t.end();
});

t.test('goodput is compared where limits were given', (t) => {
  const measured = { facts: facts(), measurements: [measurement({ request_goodput: 3 })] };
  const [{ levels }] = compareTurns(['full'], [1], [[measured]]);
  t.strictSame(levels[0].goodput, { mean: 3, halfWidth: null });
  t.end();
});
