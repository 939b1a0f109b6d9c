import t from 'tap';
import { gramDispatch } from '#halflight/webgpu/gram-dispatch.js';
import { nullOps } from '../support/device.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

const tensor = (rows: number, cols: number, type: 'f32' | 'u32' = 'f32') =>
  ops.tensor(rows, cols, type, 'activations');

t.test('a workgroup computes 32 × 32 sums', (t) => {
  const { grid, params } = gramDispatch({
    x: tensor(9, 70),
    rows: 9,
    out: tensor(40, 70),
    first: 30,
    count: 40,
  });
  t.strictSame(grid, [3, 2, 1]);
  t.strictSame([...params.subarray(0, 6)], [9, 30, 40, 70, 96, 96]);
  t.end();
});

t.test('sums that have no room, or are not there, are refused', (t) => {
  const x = tensor(9, 70);
  const gram = (out: typeof x, first: number, count: number) => () =>
    gramDispatch({ x, rows: 9, out, first, count });
  t.throws(gram(tensor(40, 64), 0, 40), RangeError);
  t.throws(gram(tensor(40, 70), 0, 41), RangeError);
  t.throws(gram(tensor(40, 70), 31, 40), RangeError);
  t.throws(gram(tensor(40, 70, 'u32'), 0, 40), RangeError);
  t.end();
});
