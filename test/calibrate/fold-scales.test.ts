import t from 'tap';
import { awqScales, scaledStats, smoothQuantScales } from '#halflight/calibrate/fold-scales.js';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import { dequantize, parseQuantization } from '#halflight/quant/formats.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { Random } from '../support/random.js';
import { productError, statsOf } from './support.js';

const [ROWS, COLS] = [6, 64];
const FORMAT = parseQuantization('int3-g32');

const NEAREST = nearestMethod({ scales: { kind: 'extremes' }, weighted: false });

/** Few inputs are large. */
function inputs(): Float64Array {
  return Float64Array.from(new Random(1).values(50 * COLS), (x, i) => ((i % COLS) % 13 === 5 ? 20 * x : x));
}

const matrixOf = (seed: number) => new Random(seed).values(ROWS * COLS).map((w) => w ** 3);

/** Mean squared error of outputs as the folded model would have it, of one matrix. */
function errorWith(values: Float32Array, scales: Float64Array): number {
  const folded = values.map((w, i) => w * scales[i % COLS]);
  const rounded = dequantize(quantizeRtn(folded, ROWS, COLS, FORMAT));
  return productError(
    values,
    rounded.map((w, i) => w / scales[i % COLS]),
    inputs(),
    COLS,
  );
}

t.test('AWQ finds the best of its candidates, as computing all outputs of each does', (t) => {
  const values = matrixOf(2);
  const stats = statsOf(inputs(), COLS);
  const scales = awqScales(FORMAT, NEAREST)({ matrices: [{ values, rows: ROWS }], cols: COLS, stats });
  const identity = errorWith(values, new Float64Array(COLS).fill(1));
  let best = identity;
  for (let r = 0; r < 1; r += 0.05) {
    best = Math.min(best, errorWith(values, normalised(stats.meanMagnitudes.map((x) => x ** r))));
    const shares = Float64Array.from({ length: COLS }, (_, k) => meanShare(values, k));
    best = Math.min(
      best,
      errorWith(
        values,
        normalised(stats.meanMagnitudes.map((x, k) => x ** r / (shares[k] ** (1 - r) + 1e-4))),
      ),
    );
  }
  t.ok(scales !== null);
  const found = errorWith(values, scales ?? new Float64Array());
  // Exponents that differ in their last bits.
  t.ok(Math.abs(found - best) < 1e-3 * best, `${found} is ${best}`);
  t.ok(found < 0.7 * identity);
  t.end();
});

function normalised(scales: Float64Array): Float64Array {
  const middle = Math.sqrt(Math.max(...scales) * Math.min(...scales));
  return scales.map((s) => s / middle);
}

function meanShare(values: Float32Array, k: number): number {
  let sum = 0;
  for (let row = 0; row < ROWS; row++) {
    const start = row * COLS + (k < 32 ? 0 : 32);
    const greatest = Math.max(...values.slice(start, start + 32).map(Math.abs));
    sum += Math.abs(values[row * COLS + k]) / greatest / ROWS;
  }
  return sum;
}

t.test('several matrices share scales; of large ones a sample of rows is looked at', (t) => {
  const stats = statsOf(inputs(), COLS);
  const few = [2, 3].map((seed) => ({ values: matrixOf(seed), rows: ROWS }));
  const scales = awqScales(FORMAT, NEAREST)({ matrices: few, cols: COLS, stats });
  const many = Array.from({ length: 50 }, () => [...few[0].values]).flat();
  const large = [{ values: Float32Array.from(many), rows: 50 * ROWS }];
  t.ok(scales !== null && awqScales(FORMAT, NEAREST)({ matrices: large, cols: COLS, stats }) !== null);
  t.end();
});

t.test('where all are exact already, nothing is better than to leave inputs alone', (t) => {
  const values = Float32Array.from({ length: COLS }, (_, k) => (k % 8) - 4);
  const stats = statsOf(inputs(), COLS);
  t.equal(awqScales(FORMAT, NEAREST)({ matrices: [{ values, rows: 1 }], cols: COLS, stats }), null);
  t.end();
});

t.test('SmoothQuant by hand: with α = ½, inputs and weights meet in the middle', (t) => {
  const stats = statsOf(Float64Array.of(16, -1, 0, 3, 4, 1, 0, 2), 4);
  const matrices = [
    { values: Float32Array.of(1, -4, 5, 0), rows: 1 },
    { values: Float32Array.of(-0.5, 1, 1, 0), rows: 1 },
  ];
  t.strictSame([...(smoothQuantScales(0.5)({ matrices, cols: 4, stats }) ?? [])], [4, 0.5, 1, 1]);
  t.end();
});

t.test('what is known of x / s follows from what is known of x', (t) => {
  const scales = Float64Array.from({ length: COLS }, (_, k) => 2 ** ((k % 5) - 2));
  const direct = statsOf(
    inputs().map((x, i) => x / scales[i % COLS]),
    COLS,
  );
  const { hessian, ...rest } = scaledStats(statsOf(inputs(), COLS), scales);
  // Powers of two: exact.
  t.strictSame(hessian, direct.hessian);
  t.strictSame(rest.maxMagnitudes, direct.maxMagnitudes);
  t.strictSame(rest.meanSquares, direct.meanSquares);
  t.strictSame(rest.meanMagnitudes, direct.meanMagnitudes);
  t.equal(scaledStats({ ...direct, hessian: null }, scales).hessian, null);
  t.end();
});
