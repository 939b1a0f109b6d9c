import t from 'tap';
import { activated, capped, gatedBy } from '#halflight/ops/activation.js';

/** Expected values are given to ten digits. */
const TOLERANCE = 1e-9;

t.test('activations at known points', (t) => {
  const expected = [
    ['silu', 1, 0.7310585786],
    ['silu', -2, -0.238405844],
    ['gelu', 1, 0.8413447461],
    ['gelu', -2, -0.0455002639],
    ['gelu', 9, 9],
    ['gelu_tanh', 1, 0.8411919906],
    ['gelu_tanh', -2, -0.0454023059],
    ['clamped_swish', 1, 0.8457957659],
    ['clamped_swish', -2, -0.0643413769],
    // At 7, the clamp.
    ['clamped_swish', 9, 6.9999531283],
  ] as const;
  for (const [activation, v, value] of expected) {
    t.ok(Math.abs(activated(activation, v) - value) < TOLERANCE, `${activation}(${v})`);
  }
  t.end();
});

t.test('a gate multiplies what it lets through, which clamped_swish clamps and moves by one', (t) => {
  t.equal(gatedBy('silu', 2, 3), 3 * activated('silu', 2));
  t.equal(gatedBy('clamped_swish', 2, 3), 4 * activated('clamped_swish', 2));
  t.equal(gatedBy('clamped_swish', 2, 9), 8 * activated('clamped_swish', 2));
  t.equal(gatedBy('clamped_swish', 2, -9), -6 * activated('clamped_swish', 2));
  t.end();
});

t.test('a cap bounds what is large and leaves what is small', (t) => {
  t.equal(capped(1e6, 30), 30);
  t.ok(Math.abs(capped(0.01, 30) - 0.01) < TOLERANCE);
  t.equal(capped(1e6, null), 1e6);
  t.end();
});
