import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PipelineCache, type PipelineSpec, weightBindings } from '#halflight/webgpu/pipelines.js';
import { SHADER_DIR } from '#halflight/webgpu/shaders.js';
import { nullDevice } from '../support/device.js';

const device = await nullDevice();
t.teardown(() => device.destroy());

const NORM: PipelineSpec = {
  kernel: 'rms_norm',
  weight: null,
  types: { X: 'f32', Y: 'f32' },
  constants: { LANES: 32 },
};

t.test('a variant is compiled once, whether ahead of time or on first use', async (t) => {
  const cache = new PipelineCache(device);
  await cache.compile([NORM, { ...NORM }]);
  t.equal(cache.numCompiled, 1);
  const first = cache.get(NORM);
  t.equal(cache.get({ ...NORM, types: { ...NORM.types } }), first);
  await cache.compile([NORM]);
  t.equal(cache.get(NORM), first);
  t.strictSame(cache.compiled, [NORM]);
});

t.test('another type, constant or weight reader is another variant', async (t) => {
  const cache = new PipelineCache(device);
  const variants: readonly PipelineSpec[] = [
    NORM,
    { ...NORM, types: { X: 'f32', Y: 'f16' } },
    { ...NORM, constants: { LANES: 64 } },
    { kernel: 'embed', weight: 'bf16', types: { Y: 'f32' }, constants: {} },
    { kernel: 'embed', weight: 'f16', types: { Y: 'f32' }, constants: {} },
  ];
  await cache.compile(variants);
  t.strictSame(new Set(cache.compiled), new Set(variants));
});

t.test('integers bind scales and zero points beside their codes', (t) => {
  t.strictSame(['f32', 'f16', 'bf16', 'int8', 'int4'].map(weightBindings), [1, 1, 1, 3, 3]);
  t.end();
});

t.test('a broken shader rejects with its variant, the line and the fault', async (t) => {
  const dir = t.testdir();
  cpSync(SHADER_DIR, dir, { recursive: true });
  const file = join(dir, 'rms_norm.wgsl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('squares += v * v;', 'squares += v * w;'));
  const cache = new PipelineCache(device, dir);
  device.pushErrorScope('validation');
  await t.rejects(cache.compile([NORM]), {
    message: /^shader rms_norm .*unresolved value 'w' in `squares \+= v \* w;`$/s,
  });
  await device.popErrorScope();
  t.equal(cache.numCompiled, 0);
});

t.test('a constant that the shader does not declare is refused', async (t) => {
  const cache = new PipelineCache(device);
  await t.rejects(cache.compile([{ ...NORM, constants: { LANES: 32, OTHER: 1 } }]), {
    message: /^shader rms_norm .*OTHER/s,
  });
});
