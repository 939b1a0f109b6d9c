import t from 'tap';
import { loraDispatches } from '#halflight/webgpu/lora-dispatches.js';
import { CAPACITY } from '../support/batches.js';
import { nullOps } from '../support/device.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());
const tensor = (rows: number, cols: number) => ops.tensor(rows, cols, 'f32', 'activations');

const args = {
  batch: ops.batch(CAPACITY),
  x: tensor(9, 70),
  lora: {
    a: ops.constant(new Float32Array(2 * 8 * 70), 16, 70),
    b: ops.constant(new Float32Array(2 * 100 * 4), 200, 4),
    rank: 4,
    ends: [60, 100],
  },
  room: tensor(9, 8),
  out: tensor(9, 100),
  rows: 9,
  of: 'logits',
  scale: 2,
} as const;

t.test('a workgroup shrinks to one rank of a row, then lanes expand to outputs', (t) => {
  const [shrink, expand] = loraDispatches(args, 32);
  t.strictSame(
    [shrink.grid, expand.grid],
    [
      [8, 9, 1],
      [4, 9, 1],
    ],
  );
  t.match(shrink.spec, { kernel: 'lora_shrink', constants: { LANES: 32, OF_LOGITS: 1 } });
  t.match(expand.spec, { kernel: 'lora_expand', constants: { OF_LOGITS: 1 } });
  t.strictSame([...expand.params.subarray(0, 7)], [100, 128, 32, 4, 4, 60, 100]);
  t.end();
});

t.test('ranks that have no room are refused', (t) => {
  t.throws(() => loraDispatches({ ...args, room: tensor(9, 7) }, 32), RangeError);
  t.throws(() => loraDispatches({ ...args, room: tensor(8, 8) }, 32), RangeError);
  t.end();
});
