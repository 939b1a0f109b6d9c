import t from 'tap';
import { autotuneModel, cacheDirectory, modelProducts, reportLines } from '#halflight/engine/autotune.js';
import { type Backend, cpuBackend } from '#halflight/engine/backend.js';
import { loadDeviceModel } from '#halflight/engine/device-model.js';
import type { LoadProgress } from '#halflight/engine/options.js';
import type { Autotune, AutotuneReport } from '#halflight/webgpu/autotune.js';
import { tinyOptions } from '../support/tiny.js';

const REPORT: AutotuneReport = {
  path: '/cache/tuning-1.json',
  numProducts: 5,
  numMeasured: 5,
  timeWasUp: false,
  ms: 1234,
  warnings: [],
};

/** The stages of loading a tiny model on a backend that tunes, and how often it was asked to. */
async function stagesOf(autotune: boolean): Promise<{ stages: string[]; numCalls: number }> {
  let numCalls = 0;
  const tune: Autotune<Float64Array> = async (_products, _dir, onProgress) => {
    numCalls++;
    onProgress(0, 2);
    return REPORT;
  };
  const stages: string[] = [];
  const backend: Backend<Float64Array> = { ...cpuBackend(), autotune: tune };
  const room = { maxLogits: 1, maxSampled: 1 };
  const options = tinyOptions('llama', { autotune });
  await loadDeviceModel(backend, options, room, ({ stage, note }) => stages.push(note ?? stage));
  return { stages: [...new Set(stages)], numCalls };
}

t.test('a model is tuned between loading and warm-up, and says so', async (t) => {
  const line = 'autotune: 5 of 5 matrix products measured in 1.2 s; kept in /cache/tuning-1.json';
  t.same(await stagesOf(true), { stages: ['weights', 'autotune', line, 'kernels'], numCalls: 1 });
});

t.test('with --no-autotune nothing is measured or read', async (t) => {
  t.same(await stagesOf(false), { stages: ['weights', 'kernels'], numCalls: 0 });
});

t.test('the CPU reference has nothing to choose', async (t) => {
  const device = await loadDeviceModel(
    cpuBackend(),
    tinyOptions('llama'),
    { maxLogits: 1, maxSampled: 1 },
    () => undefined,
  );
  const progress: LoadProgress[] = [];
  await autotuneModel(device, (step) => progress.push(step));
  t.same(progress, []);
});

t.test('the products are those of all layers and of the logits', async (t) => {
  const { model, activations } = await loadDeviceModel(
    cpuBackend(),
    tinyOptions('qwen2', { quantization: 'w8a8' }),
    { maxLogits: 1, maxSampled: 1 },
    () => undefined,
  );
  const products = modelProducts(model, activations);
  t.equal(products.length, 4 * model.layers.length + 1);
  for (const { x, weight, bias, out, gated } of products) {
    t.equal(x.cols, weight.cols);
    t.equal((gated ?? out).cols, weight.rows);
    if (bias !== null) t.equal(bias.cols, weight.rows);
  }
  const rounding = products.filter(({ codes }) => codes !== null && codes !== undefined);
  t.equal(rounding.length, 4 * model.layers.length, 'logits come from activations in floats');
});

t.test('products of experts are not tuned', async (t) => {
  const device = await loadDeviceModel(
    cpuBackend(),
    tinyOptions('mixtral'),
    { maxLogits: 1, maxSampled: 1 },
    () => undefined,
  );
  let tuned = 0;
  const autotune: Autotune<Float64Array> = async (products) => {
    tuned = products.length;
    return REPORT;
  };
  await autotuneModel({ ...device, backend: { ...device.backend, autotune } }, () => undefined);
  t.equal(tuned, 3 * device.model.layers.length + 1, 'q, k and v, o, the router; and the logits');
});

t.test('files are kept in the cache of the user', async (t) => {
  t.equal(cacheDirectory({ XDG_CACHE_HOME: '/var/cache/me' }, '/home/me'), '/var/cache/me/halflight');
  t.equal(cacheDirectory({}, '/home/me'), '/home/me/.cache/halflight');
  t.equal(cacheDirectory({ XDG_CACHE_HOME: '' }, '/home/me'), '/home/me/.cache/halflight');
  t.equal(cacheDirectory({ XDG_CACHE_HOME: 'relative' }, '/home/me'), '/home/me/.cache/halflight');
});

t.test('the report says what was read, what was left out, and what went wrong', async (t) => {
  t.same(reportLines({ ...REPORT, numMeasured: 0 }), [
    'autotune: 5 matrix products as in /cache/tuning-1.json',
  ]);
  const [line, warning] = reportLines({
    ...REPORT,
    numMeasured: 2,
    timeWasUp: true,
    warnings: ['disk full'],
  });
  t.match(line, /2 of 5 .* in 1\.2 s; time was up, the rest keeps its defaults; kept in/);
  t.equal(warning, 'autotune: warning: disk full');
});
