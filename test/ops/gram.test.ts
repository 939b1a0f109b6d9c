import t from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';

t.test('by hand: two tokens are added to the upper triangle, and what is below it stays', (t) => {
  const ops = new CpuOps();
  const [x, out] = [ops.tensor(3, 3, 'f32', 'activations'), ops.tensor(2, 3, 'f32', 'activations')];
  ops.write(x, Float32Array.of(1, 2, 3, 4, 5, 6, 100, 100, 100));
  ops.write(out, Float32Array.of(1, 1, 1, 1, 1, 1));
  ops.gram({ x, rows: 2, out, first: 1, count: 2 });
  const row = (i: number) => [...out.data.subarray(i * out.stride, i * out.stride + 3)];
  t.strictSame(row(0), [1, 1 + 4 + 25, 1 + 6 + 30]);
  t.strictSame(row(1), [1, 1, 1 + 9 + 36]);
  t.end();
});
