import t from 'tap';
import { planFor, planOffload } from '#halflight/engine/offload-plan.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';

const GIB = 2 ** 30;
/** 10 layers of 1 GiB, and 2 GiB that belong to none. */
const LAYER = new Map([
  ['q', GIB / 4],
  ['down', (3 * GIB) / 4],
]);
const MODEL = { weights: 12 * GIB, activations: GIB, layers: Array<typeof LAYER>(10).fill(LAYER) };
const KV = { tokenBytes: GIB / 4096, maxPositions: 8192 };
const device = (totalBytes: number, hostFreeBytes = 64 * GIB) => ({
  memory: { totalBytes, usedBytes: 0, maxShare: 1 },
  hostFreeBytes,
});
const options = (changes: object = {}) => ({
  ...ENGINE_DEFAULTS,
  offloadLayers: 'auto' as const,
  gpuMemoryUtilization: 1,
  ...changes,
});

t.test('layers in host memory share room for two on the device', (t) => {
  t.strictSame(planFor(MODEL, 0), { numHostLayers: 0, hostBytes: 0, deviceBytes: 12 * GIB });
  t.strictSame(planFor(MODEL, 6), { numHostLayers: 6, hostBytes: 6 * GIB, deviceBytes: 8 * GIB });
  t.end();
});

t.test('layers of other sizes need room of their own in their area', (t) => {
  const wide = new Map([...LAYER, ['down', GIB]]);
  const layers = [LAYER, LAYER, wide, LAYER];
  // Areas: 0 holds q in one size and down in two; 1 holds one of each.
  const { hostBytes, deviceBytes } = planFor({ weights: 5 * GIB, layers }, 4);
  t.equal(hostBytes, 4.25 * GIB);
  t.equal(deviceBytes, 0.75 * GIB + (0.25 + 0.75 + 1) * GIB + GIB);
  t.end();
});

t.test('auto takes the fewest layers that leave room for activations and 4,096 tokens', (t) => {
  const layersAt = (total: number, changes = {}) =>
    planOffload(options(changes), device(total), MODEL, KV).numHostLayers;
  t.equal(layersAt(14 * GIB), 0);
  t.equal(layersAt(13.9 * GIB), 3);
  t.equal(layersAt(8 * GIB), 8);
  t.equal(layersAt(6 * GIB), 10);
  t.equal(layersAt(64 * GIB, { gpuMemoryLimitBytes: 8 * GIB }), 8);
  t.equal(layersAt(8 * GIB, { kvCacheMemoryBytes: 2 * GIB }), 9);
  t.equal(layersAt(8 * GIB, { maxModelLen: 2048 }), 8);
  t.throws(() => layersAt(5.9 * GIB), {
    name: 'UserError',
    message:
      /^--offload-layers: with all layers in host memory the device still takes 6,144 MiB .* may take 6,041\.6 MiB$/,
  });
  t.end();
});

t.test('auto needs to know how much there is', (t) => {
  const unknown = { memory: null, hostFreeBytes: 64 * GIB };
  t.throws(() => planOffload(options(), unknown, MODEL, KV), { message: /auto needs --gpu-memory-limit/ });
  t.equal(planOffload(options({ gpuMemoryLimitBytes: 8 * GIB }), unknown, MODEL, KV).numHostLayers, 8);
  t.end();
});

t.test('a number is taken as it is where the model has so many layers', (t) => {
  const plan = (offloadLayers: number) => planOffload(options({ offloadLayers }), device(GIB), MODEL, KV);
  t.equal(plan(0).numHostLayers, 0);
  t.equal(plan(3).numHostLayers, 3);
  for (const wrong of [1, 2, 11]) {
    t.throws(() => plan(wrong), {
      name: 'UserError',
      message: /^--offload-layers: \d+ is not 0, 3 to 10, or auto/,
    });
  }
  t.end();
});

t.test('what the host has no memory for is refused', (t) => {
  const plan = (hostFreeBytes: number) =>
    planOffload(options({ offloadLayers: 4 }), device(GIB, hostFreeBytes), MODEL, KV);
  t.equal(plan(4.5 * GIB).hostBytes, 4 * GIB);
  t.throws(() => plan(4.4 * GIB), {
    message: /^--offload-layers: 4 layers take 4,096 MiB of host memory, and 3,993\.6 MiB are free/,
  });
  t.end();
});
