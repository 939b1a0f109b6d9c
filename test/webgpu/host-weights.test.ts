import t from 'tap';
import { wholeRows } from '#halflight/quant/packed-rows.js';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { HostAreas } from '#halflight/webgpu/host-weights.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { randomWeight } from '../support/weights.js';

const device = await testDevice();
t.teardown(() => device.destroy());

t.test('groups of an area share room by size, those of the other have their own', (t) => {
  const pool = new BufferPool(device);
  const areas = new HostAreas(pool);
  const placed = (area: 0 | 1, ...sizes: number[]) => {
    const group = areas.group(area);
    const places = sizes.map((size) => group.place(size));
    for (const { from } of places) from.unmap();
    return { bytes: group.bytes, to: places.map((place) => place.to) };
  };
  const first = placed(0, 100, 64, 100);
  t.equal(first.bytes, 112 + 64 + 112);
  t.not(first.to[0], first.to[2]);
  const second = placed(0, 64, 100, 30);
  t.equal(second.to[0], first.to[1]);
  t.equal(second.to[1], first.to[0]);
  const other = placed(1, 64);
  t.notOk(first.to.includes(other.to[0]));
  // What the device holds: two of 112, one of 64, one of 32 in area 0; one of 64 in area 1.
  t.equal(pool.memory().weights, 2 * 112 + 64 + 32 + 64);
  t.end();
});

t.test('weights of two groups take turns, in the order in which they are brought', async (t) => {
  const ops = new WebGpuOps(device, 'f32');
  const load = async (seed: number) => {
    const packed = randomWeight(new Random(seed), 'int4-g32', 40, 64);
    const source = wholeRows(packed, async () => packed);
    const { loaded, host } = await ops.inHost(0, () => ops.loadWeight([source]));
    t.equal(loaded.host, host);
    return { weight: loaded, host, packed };
  };
  const [a, b] = [await load(1), await load(2)];
  const out = ops.tensor(4, 40, 'f32', 'activations');
  const x = ops.tensor(1, 64, 'f32', 'activations');
  ops.write(x, new Random(3).values(64));
  const product = async (weight: typeof a.weight) => {
    ops.linear({ x, weight, bias: null, out, rows: 1, accumulate: false });
    return ops.read(out, 1);
  };
  const expected: Float32Array[] = [];
  for (const { packed } of [a, b]) expected.push(await product(ops.weight([packed])));
  t.notSame(expected[0], expected[1]);
  // In one submission: the products' order must hold against the copies'.
  const sum = ops.tensor(1, 40, 'f32', 'activations');
  for (const { weight, host } of [a, b, a]) {
    ops.bring(host);
    ops.linear({ x, weight, bias: null, out: sum, rows: 1, accumulate: true });
  }
  const got = await ops.read(sum, 1);
  got.forEach((value, i) => {
    const want = 2 * expected[0][i] + expected[1][i];
    // Three sums of f32.
    t.ok(Math.abs(value - want) <= 1e-5 * (1 + Math.abs(want)), `${value} for ${want}`);
  });
  t.strictSame(await product(a.weight), expected[0]);
  ops.bring(b.host);
  t.strictSame(await product(b.weight), expected[1]);
});
