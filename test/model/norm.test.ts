import t from 'tap';
import { applyNorm } from '#halflight/model/norm.js';
import { CpuOps } from '#halflight/ops/cpu.js';

t.test('rows are divided by their root mean square; with a bias their mean is taken away first', (t) => {
  const ops = new CpuOps();
  const x = ops.tensor(1, 2, 'f32', 'activations');
  const out = ops.tensor(1, 2, 'f32', 'activations');
  x.data.set([1, 7]);
  /** As a device would store them: the CPU's operations compute in f64. */
  const stored = () => [...Float32Array.from(out.data.subarray(0, 2))];
  const call = { x, out, rows: 1, eps: 0 };
  const weight = ops.constant(Float32Array.of(5, 5), 1, 2);
  applyNorm(ops, { weight, bias: null }, call);
  t.same(stored(), [1, 7]);
  applyNorm(ops, { weight, bias: ops.constant(Float32Array.of(0, 1), 1, 2) }, call);
  t.same(stored(), [-5, 6]);
  t.end();
});
