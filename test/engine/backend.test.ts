import t from 'tap';
import {
  checkHardware,
  chooseType,
  cpuBackend,
  lossOf,
  webgpuBackend,
  withBackend,
} from '#halflight/engine/backend.js';

const GPU = { name: 'GPU', f16: true, software: false };

/** What `promise` has come to by now: its value, or null while it is pending. */
function settled<T>(promise: Promise<T>): Promise<T | null> {
  const later = new Promise<null>((resolve) => setImmediate(() => resolve(null)));
  return Promise.race([promise, later]);
}

t.test('auto takes f16 on hardware that has it, f32 elsewhere', (t) => {
  t.equal(chooseType('auto', GPU), 'f16');
  t.equal(chooseType('auto', { ...GPU, f16: false }), 'f32');
  t.equal(chooseType('auto', { ...GPU, software: true }), 'f32');
  t.end();
});

t.test('an asked-for type is taken where the adapter has it', (t) => {
  t.equal(chooseType('float32', GPU), 'f32');
  t.equal(chooseType('float16', { ...GPU, software: true }), 'f16');
  t.throws(() => chooseType('float16', { ...GPU, f16: false }), {
    name: 'UserError',
    message: /^GPU has no f16 arithmetic \(shader-f16\): use --dtype float32 or auto$/,
  });
  t.end();
});

t.test('the CPU reference computes in f32 or wider and is never lost', async (t) => {
  const { ops, adapter, lost } = cpuBackend();
  t.match(adapter, { backend: 'cpu', software: true, f16: false });
  t.equal(ops.computeType, 'f32');
  t.equal(await settled(lost), null);
});

t.test('the GPU tells its limits, and that it is destroyed is no loss', async (t) => {
  const { ops, adapter, maxBindingBytes, lost } = await webgpuBackend({
    computeType: 'float32',
    batchInvariant: false,
  });
  t.not(adapter.backend, 'cpu');
  t.equal(ops.computeType, 'f32');
  // The least that WebGPU lets a device offer.
  t.ok(maxBindingBytes >= 2 ** 27, String(maxBindingBytes));
  ops.destroy();
  t.equal(await settled(lost), null);
});

t.test('a device is destroyed where who uses it fails, and the reference is no GPU', async (t) => {
  const options = { computeType: 'auto', batchInvariant: false, device: 'cpu' } as const;
  let numDestroyed = 0;
  const failing = withBackend(options, async ({ ops }) => {
    ops.destroy = () => {
      numDestroyed += 1;
    };
    throw new Error('no such model');
  });
  await t.rejects(failing, { message: 'no such model' });
  t.equal(numDestroyed, 1);
  t.equal(await withBackend(options, async ({ adapter }) => adapter.backend), 'cpu');
  const required = withBackend({ ...options, requireGpu: true }, async () => undefined);
  await t.rejects(required, { name: 'UserError', message: /^--require-gpu: cpu is no GPU/ });
});

/** A device as its loss and its errors see it. */
class FakeDevice extends EventTarget {
  lose: (info: { reason: string; message: string }) => void = () => undefined;
  readonly lost = new Promise((resolve) => {
    this.lose = resolve;
  });

  lossOf(): Promise<Error> {
    return lossOf(this as object as GPUDevice);
  }
}

t.test('a lost device is reported with its reason', async (t) => {
  const device = new FakeDevice();
  const loss = device.lossOf();
  t.equal(await settled(loss), null);
  device.lose({ reason: 'unknown', message: 'reset by the driver' });
  t.match(await loss, { message: 'GPU device lost: reset by the driver' });
});

t.test('an error that nobody awaited is reported as a loss', async (t) => {
  const device = new FakeDevice();
  const loss = device.lossOf();
  device.dispatchEvent(Object.assign(new Event('uncapturederror'), { error: { message: 'out of memory' } }));
  t.match(await loss, { message: 'GPU error: out of memory' });
});

t.test('a software adapter is refused where a GPU is required', async (t) => {
  t.throws(() => checkHardware({ name: 'llvmpipe', software: true }), {
    name: 'UserError',
    message: /^--require-gpu: llvmpipe is no GPU .* HALFLIGHT_REQUIRE_GPU=0 allows it$/,
  });
  t.doesNotThrow(() => checkHardware({ name: 'NVIDIA L4', software: false }));
});
