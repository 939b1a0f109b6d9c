import t from 'tap';
import { orderDispatch } from '#halflight/webgpu/order-dispatch.js';
import { nullOps } from '../support/device.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

const tensor = (cols: number, type: 'f32' | 'u32' = 'f32') => ops.tensor(2, cols, type, 'activations');

t.test('a lane takes a column, of the padding too', (t) => {
  const x = tensor(40);
  const { grid, params } = orderDispatch({ x, order: x.data, out: tensor(96), rows: 2 });
  t.strictSame(grid, [2, 2, 1]);
  t.strictSame([...params.subarray(0, 2)], [40, 64]);
  t.end();
});

t.test('room that is too small or of another type is refused', (t) => {
  const x = tensor(40);
  const order = (out: ReturnType<typeof tensor>) => () => orderDispatch({ x, order: x.data, out, rows: 2 });
  t.throws(order(tensor(32)), { name: 'RangeError' });
  t.throws(order(tensor(64, 'u32')), { name: 'RangeError' });
  t.end();
});
