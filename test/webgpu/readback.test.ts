import t, { type Test } from 'tap';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { Readback } from '#halflight/webgpu/readback.js';
import { Recorder } from '#halflight/webgpu/recorder.js';
import { testDevice } from '../support/device.js';

const device = await testDevice();
t.teardown(() => device.destroy());

const pool = new BufferPool(device);

function readbackOf(t: Test): Readback {
  const readback = new Readback(device, new Recorder(device, pool), null);
  t.teardown(() => readback.destroy());
  return readback;
}

/** Sizes of the buffers made by `work`. */
async function buffersMadeBy(work: () => Promise<void>): Promise<number[]> {
  const sizes: number[] = [];
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    sizes.push(descriptor.size);
    return create(descriptor);
  };
  await work();
  device.createBuffer = create;
  return sizes;
}

t.test('what is uploaded is read back, reads of growing size included', async (t) => {
  const readback = readbackOf(t);
  const small = pool.upload(Uint32Array.of(1, 2, 3), 'weights');
  const large = pool.upload(new Uint32Array(4096).fill(7), 'weights');
  const read = async (source: GPUBuffer, bytes: number) => [
    ...new Uint32Array((await readback.read(source, bytes)).bytes),
  ];
  t.strictSame(await read(small, 12), [1, 2, 3]);
  t.strictSame(await read(large, 16_384), new Array<number>(4096).fill(7));
  t.strictSame(await read(small, 4), [1]);
  t.strictSame(await read(small, 0), []);
});

t.test('reads one after another share a staging buffer, a larger one takes its place', async (t) => {
  const readback = readbackOf(t);
  const source = pool.storage(65_536, 'activations');
  const sizes = await buffersMadeBy(async () => {
    for (const bytes of [16, 64, 8192, 16, 8192]) await readback.read(source, bytes);
  });
  t.equal(sizes.length, 2, String(sizes));
});

t.test(
  'a read may begin while another is under way, and each gets what was there when it began',
  async (t) => {
    const readback = readbackOf(t);
    const source = pool.storage(16, 'activations');
    const readAfterWriting = (value: number) => {
      device.queue.writeBuffer(source, 0, new Uint32Array(4).fill(value));
      return readback.read(source, 16);
    };
    const sizes = await buffersMadeBy(async () => {
      for (let round = 0; round < 3; round++) {
        const reads = [1, 2, 3].map((value) => readAfterWriting(10 * round + value));
        // The last one first: none may wait for its caller to take another's result.
        for (const [i, read] of [...reads.entries()].reverse()) {
          t.strictSame([...new Uint32Array((await read).bytes)], new Array(4).fill(10 * round + i + 1));
        }
      }
    });
    t.equal(sizes.length, 3, String(sizes));
  },
);

t.test('a read under way when all is destroyed rejects', async (t) => {
  const readback = new Readback(device, new Recorder(device, pool), null);
  const read = readback.read(pool.storage(16, 'activations'), 16);
  readback.destroy();
  await t.rejects(read);
  t.doesNotThrow(() => readback.destroy());
});

t.test('words of one step can be read after the next is enqueued', async (t) => {
  const ops = new WebGpuOps(device, 'f32');
  const results = [1, 2].map(() => ops.tensor(3, 64, 'u32', 'activations'));
  const step = (value: number) => {
    const out = results[value % 2];
    ops.write(out, new Float32Array(3 * 64).fill(value));
    return ops.readWords(out, 2);
  };
  let before = step(1);
  for (let value = 2; value < 8; value++) {
    const next = step(value);
    t.strictSame([...(await before).words], new Array(128).fill(value - 1));
    before = next;
  }
  t.equal((await before).words[0], 7);
});

t.test('the time on the device is told of steps that ran something, and not of others', async (t) => {
  const ops = new WebGpuOps(device, 'f32');
  const x = ops.tensor(2, 64, 'f32', 'activations');
  const out = ops.tensor(2, 32, 'f32', 'activations');
  const words = ops.tensor(1, 32, 'u32', 'activations');
  const start = performance.now();
  ops.activate({ x, out, rows: 2, activation: 'silu' });
  ops.submit();
  ops.activate({ x, out, rows: 2, activation: 'silu' });
  const { gpuMs } = await ops.readWords(words, 1);
  // The host's clock and the device's may differ by a little; an adapter may give times that do not advance.
  t.ok(gpuMs === null || (gpuMs > 0 && gpuMs <= 1.1 * (performance.now() - start)), String(gpuMs));
  t.equal((await ops.readWords(words, 1)).gpuMs, null);
});

t.test('without timestamps no time is told', async (t) => {
  const plain = await testDevice([]);
  const ops = new WebGpuOps(plain, 'f32');
  const out = ops.tensor(2, 32, 'f32', 'activations');
  ops.activate({ x: ops.tensor(2, 64, 'f32', 'activations'), out, rows: 2, activation: 'silu' });
  t.equal((await ops.readWords(ops.tensor(1, 32, 'u32', 'activations'), 1)).gpuMs, null);
  ops.destroy();
});
