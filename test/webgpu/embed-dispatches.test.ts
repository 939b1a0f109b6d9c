import t from 'tap';
import { embedDispatches } from '#halflight/webgpu/embed-dispatches.js';
import { CAPACITY } from '../support/batches.js';
import { nullOps } from '../support/device.js';
import { Random } from '../support/random.js';
import { randomWeight } from '../support/weights.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

t.test('each part of the table is looked into, and then the learned positions, which are added', (t) => {
  const random = new Random(1);
  const table = ops.weight(['int4-g32', 'f16'].map((format) => randomWeight(random, format, 8, 64)));
  const positions = ops.weight([randomWeight(random, 'f32', 8, 64)]);
  const [previous, out] = [ops.tensor(1, 1, 'u32', 'activations'), ops.tensor(4, 64, 'f32', 'activations')];
  const args = { batch: ops.batch(CAPACITY), previous, table, out, rows: 3 };
  const nothing = previous.data;
  const seen = embedDispatches({ ...args, positions }, nothing).map(({ spec, grid }) => ({
    weight: spec.weight,
    add: spec.constants.ADD,
    grid,
  }));
  const grid = [1, 3, 1];
  t.strictSame(seen, [
    { weight: 'int4', add: 0, grid },
    { weight: 'f16', add: 0, grid },
    { weight: 'f32', add: 1, grid },
  ]);
  t.equal(embedDispatches(args, nothing).length, 2);
  t.end();
});

t.test('a table whose columns are in another order is refused', (t) => {
  const columns = Uint32Array.from({ length: 64 }, (_, k) => 63 - k);
  const table = ops.weight([{ ...randomWeight(new Random(1), 'int4-g32', 8, 64), columns }]);
  const [previous, out] = [ops.tensor(1, 1, 'u32', 'activations'), ops.tensor(4, 64, 'f32', 'activations')];
  const args = { batch: ops.batch(CAPACITY), previous, table, out, rows: 3 };
  t.throws(() => embedDispatches(args, previous.data), { name: 'RangeError', message: /another order/ });
  t.end();
});
