import t from 'tap';
import { watchInput } from '#halflight/calibrate/watch.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { packFloat } from '#halflight/quant/pack.js';

t.test('what is watched and all after it is left undone, and its input is normalised', async (t) => {
  const ops = new CpuOps();
  const weight = (value: number) => ops.weight([packFloat(Float32Array.of(value, 0, 0, value), 'f32', 2, 2)]);
  const tensor = () => ops.tensor(1, 2, 'f32', 'activations');
  const [first, second] = [weight(2), weight(3)];
  const [x, between, out, room] = [tensor(), tensor(), tensor(), tensor()];
  ops.write(x, Float32Array.of(1, 3));
  const watch = watchInput(ops, second);
  const call = { bias: null, rows: 1, accumulate: false } as const;
  const norm = { weight: ops.constant(Float32Array.of(1, 1), 1, 2), eps: 0, out: room };
  watch.ops.linear({ ...call, x, weight: first, out: between });
  t.equal(watch.input(), null);
  watch.ops.linear({ ...call, x: between, weight: second, out, norm });
  watch.ops.linear({ ...call, x, weight: first, out: room });
  const input = watch.input();
  t.equal(input, room);
  const values = await ops.read(room, 1);
  // [2, 6] over its root mean square √20, rounded to f32.
  t.ok(Math.abs(values[0] - 2 / Math.sqrt(20)) < 1e-7 && Math.abs(values[1] - 6 / Math.sqrt(20)) < 1e-7);
  t.strictSame([...(await ops.read(out, 1))], [0, 0]);
  const plain = watchInput(ops, first);
  plain.ops.linear({ ...call, x, weight: first, out });
  t.equal(plain.input(), x);
});
