import t from 'tap';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { Readback } from '#halflight/webgpu/readback.js';
import { Recorder } from '#halflight/webgpu/recorder.js';
import { nullOps, testDevice } from '../support/device.js';
import { collectGarbage } from '../support/garbage.js';

const device = await testDevice();
t.teardown(() => device.destroy());

t.test('storage is rounded up to 16 bytes, and is never empty', (t) => {
  const pool = new BufferPool(device);
  t.strictSame(
    [0, 1, 16, 17].map((bytes) => pool.storage(bytes, 'activations').size),
    [16, 16, 16, 32],
  );
  t.end();
});

t.test('the ledger adds up what each kind holds', (t) => {
  const pool = new BufferPool(device);
  pool.storage(100, 'kv_cache');
  pool.upload(new Uint32Array(8), 'weights');
  pool.upload(new Float32Array(5), 'weights');
  pool.uniform(256);
  t.strictSame(pool.memory(), { weights: 32 + 32, kv_cache: 112, activations: 256 });
  t.end();
});

t.test('memory of the host is mapped, and not in the ledger', (t) => {
  const pool = new BufferPool(device);
  const buffer = pool.host(30);
  t.equal(buffer.getMappedRange().byteLength, 32);
  t.equal(pool.memory().weights, 0);
  buffer.unmap();
  pool.destroy();
  t.end();
});

t.test('freed storage leaves the ledger, and may not be used again', async (t) => {
  const pool = new BufferPool(device);
  const [kept, freed] = [pool.storage(64, 'activations'), pool.storage(100, 'activations')];
  pool.free(freed, 'activations');
  t.equal(pool.memory().activations, kept.size);
  t.type(await writeError(freed), 'object');
  t.equal(await writeError(kept), null);
});

t.test('a view uploads its own part of the memory below it', async (t) => {
  const pool = new BufferPool(device);
  const buffer = pool.upload(Uint32Array.of(1, 2, 3, 4).subarray(1, 3), 'weights');
  t.equal(buffer.size, 16);
  const readback = new Readback(device, new Recorder(device, pool), null);
  t.strictSame([...new Uint32Array((await readback.read(buffer, 16)).bytes)], [2, 3, 0, 0]);
  readback.destroy();
});

t.test('a destroyed pool is empty and may be destroyed again', async (t) => {
  const pool = new BufferPool(device);
  const buffer = pool.storage(16, 'weights');
  pool.destroy();
  t.doesNotThrow(() => pool.destroy());
  t.type(await writeError(buffer), 'object');
});

/** The validation error that writing to a buffer causes, or null. */
async function writeError(buffer: GPUBuffer): Promise<GPUError | null> {
  device.pushErrorScope('validation');
  device.queue.writeBuffer(buffer, 0, new Uint32Array(4));
  device.queue.submit([]);
  return device.popErrorScope();
}

t.test('buffers that are forgotten with their device are collected in whatever order', async (t) => {
  const useAndForget = async () => {
    const ops = await nullOps('f16');
    ops.tensor(4, 4, 'f32', 'activations');
    ops.destroy();
  };
  await useAndForget();
  await collectGarbage();
  t.pass('the process lives on');
});
