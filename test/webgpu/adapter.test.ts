import t from 'tap';
import { UserError } from '#halflight/errors.js';
import {
  adapterLimits,
  chooseAdapter,
  isSoftware,
  listAdapters,
  openDevice,
  openGpu,
  requestAdapter,
  summarizeAdapter,
} from '#halflight/webgpu/adapter.js';
import { collectGarbage } from '../support/garbage.js';

const MODES = ['production', 'validating', 'null'] as const;

for (const mode of MODES) {
  t.test(`in ${mode} mode a device has the adapter's own limits and its features`, async (t) => {
    const adapter = await requestAdapter(openGpu(mode));
    const device = await openDevice(adapter);
    t.teardown(() => device.destroy());
    const { maxBufferSize, maxStorageBufferBindingSize, maxComputeInvocationsPerWorkgroup } =
      adapterLimits(adapter);
    t.equal(device.limits.maxBufferSize, maxBufferSize);
    t.equal(device.limits.maxStorageBufferBindingSize, maxStorageBufferBindingSize);
    t.equal(device.limits.maxComputeInvocationsPerWorkgroup, maxComputeInvocationsPerWorkgroup);
    for (const name of ['shader-f16', 'subgroups', 'timestamp-query']) {
      t.equal(device.features.has(name), adapter.features.has(name), name);
    }
  });
}

t.test('features that are not asked for stay off, so the fallbacks can be tested anywhere', async (t) => {
  const device = await openDevice(await requestAdapter(openGpu('null')), ['subgroups']);
  t.teardown(() => device.destroy());
  t.ok(device.features.has('subgroups'));
  t.notOk(device.features.has('shader-f16'));
});

t.test('a validating device reports a mistake', async (t) => {
  const device = await openDevice(await requestAdapter(openGpu('validating')));
  t.teardown(() => device.destroy());
  device.pushErrorScope('validation');
  device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  t.type((await device.popErrorScope())?.message, 'string');
});

t.test('a device works on after all else that led to it has been collected', async (t) => {
  const device = await openDevice(await requestAdapter(openGpu('validating')));
  t.teardown(() => device.destroy());
  await collectGarbage();
  const buffer = device.createBuffer({ size: 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, new Uint32Array([7, 9]));
  await buffer.mapAsync(GPUMapMode.READ);
  t.strictSame([...new Uint32Array(buffer.getMappedRange())], [7, 9]);
});

t.test('the summary names the adapter, its backend and what the kernels choose by', async (t) => {
  const summary = summarizeAdapter(await requestAdapter(openGpu('null')));
  t.match(summary, { name: 'null-backend', backend: 'null', software: false, f16: true, subgroups: true });
});

t.test('the list of adapters holds the one that is chosen', async (t) => {
  const { software } = summarizeAdapter(await requestAdapter(openGpu()));
  const all = await listAdapters();
  t.not(all.length, 0);
  t.match(all[0], /^(vulkan|metal|d3d12|d3d11): ./);
  if (software)
    t.ok(
      all.every((name) => /llvmpipe|swiftshader|basic render/i.test(name)),
      'a GPU comes first',
    );
});

t.test('a machine without an adapter is told of halflight doctor', async (t) => {
  const empty = { requestAdapter: async () => null } as Partial<GPU> as GPU;
  await t.rejects(
    requestAdapter(empty),
    new UserError(
      'No WebGPU adapter on this machine. `npm run setup` installs software Vulkan; `halflight doctor` says what is missing.',
    ),
  );
});

t.test('software adapters are told from GPUs by any of their names', (t) => {
  const gpu = {
    vendor: 'nvidia',
    architecture: 'hopper',
    device: 'nvidia-h200',
    description: 'NVIDIA: 550.54',
    isFallbackAdapter: false,
  };
  t.notOk(isSoftware(gpu));
  t.ok(isSoftware({ ...gpu, isFallbackAdapter: true }));
  t.ok(isSoftware({ ...gpu, description: 'llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)' }));
  t.ok(isSoftware({ ...gpu, device: 'SwiftShader Device (LLVM 10.0.0)' }));
  t.ok(isSoftware({ ...gpu, device: 'Microsoft Basic Render Driver' }));
  t.end();
});

t.test('an adapter is chosen by a part of its name or its place', async (t) => {
  const all = ['vulkan: NVIDIA L4', 'vulkan: llvmpipe (LLVM 19)', 'vulkan: NVIDIA L4'];
  t.equal(chooseAdapter('0', all), 'NVIDIA L4');
  t.equal(chooseAdapter('1', all), 'llvmpipe (LLVM 19)');
  t.equal(chooseAdapter('LLVM', all), 'llvmpipe (LLVM 19)');
  t.equal(chooseAdapter('nvidia', all), 'NVIDIA L4');
  t.throws(() => chooseAdapter('2', all), { message: /^--device: 2 has the name of another, NVIDIA L4/ });
  t.throws(() => chooseAdapter('7', all), { message: /^--device: 7 is none of: 0 vulkan: NVIDIA L4, 1 / });
  t.throws(() => chooseAdapter('amd', []), { message: /^--device: amd is none of: no adapter/ });
});

t.test('the adapter of a name is the one that Dawn gives', async (t) => {
  const [first = ''] = await listAdapters();
  const name = first.slice(first.indexOf(': ') + 2);
  const adapter = await requestAdapter(openGpu(), '0');
  // Its device is the name in other letters.
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, '');
  t.ok(plain(name).includes(plain(summarizeAdapter(adapter).name)), name);
  const device = await openDevice(adapter);
  device.destroy();
});
