import t from 'tap';
import { InputGatherer } from '#halflight/calibrate/gather.js';
import { calibrationBytes } from '#halflight/calibrate/job/calibration-bytes.js';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { webgpuBackend } from '#halflight/engine/backend.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { inLayer } from '#halflight/model/names.js';
import { namesIn } from '#halflight/model/prefix.js';
import type { Ops } from '#halflight/ops/ops.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { tinyDir } from '../../support/tiny.js';

const RTN = nearestMethod({ scales: { kind: 'extremes' }, weighted: false });
const SAMPLES = [Array.from({ length: 24 }, (_, i) => (7 * i + 3) % 97)];
/** Of a model of a few hundred kB: room of the operations themselves, which does not grow with the model. */
const FIXED_BYTES = 2 ** 17;

t.test('no more is on the device than is told before, however often a matrix is rounded anew', async (t) => {
  for (const model of ['llama', 'gpt2'] as const) {
    const config = await parseModelConfig(tinyDir(model));
    const checkpoint = await openModelCheckpoint(tinyDir(model));
    let most = 0;
    let ops: Ops<GPUBuffer> | null = null;
    const look = () => {
      const { weights = 0, kv_cache = 0, activations = 0 } = ops?.memory() ?? {};
      most = Math.max(most, weights + kv_cache + activations);
    };
    const gatherer = new InputGatherer<GPUBuffer>({
      openOps: async () => {
        const options = {
          computeType: 'float32',
          batchInvariant: false,
          device: 'webgpu',
          requireGpu: false,
        };
        ops = (await webgpuBackend({ ...options, computeType: 'float32' })).ops;
        return ops;
      },
      checkpoint,
      config,
      samples: SAMPLES,
      withHessian: true,
    });
    const name = inLayer(namesIn(checkpoint.tensors, config).down, 0).weight;
    const values = await checkpoint.readF32(name);
    const [rows, cols] = [config.hiddenSize, config.intermediateSize];
    await gatherer.statsOf(name);
    look();
    const hidden = await gatherer.hiddenBefore(0, [0]);
    for (let turn = 0; turn < 8; turn++) {
      const format = parseQuantization('int8');
      const rounded = RTN.quantize({ name, values, rows, cols, format, stats: null });
      await gatherer.through(0, [0], hidden, { tensor: name, ...rounded });
      look();
    }
    gatherer.close();
    const told = calibrationBytes(checkpoint, config, SAMPLES, true).device;
    t.ok(most <= told + FIXED_BYTES, `${model}: ${most} of ${told}`);
    t.ok(most > told / 2, `${model}: ${most} of ${told}`);
    await checkpoint.close();
  }
});

t.test('Hessians take more of the device, longer samples too, and more samples of the host', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const checkpoint = await openModelCheckpoint(tinyDir('llama'));
  const least = calibrationBytes(checkpoint, config, SAMPLES, false);
  t.equal(least.host, 2 * 4 * 24 * config.hiddenSize);
  t.equal(
    calibrationBytes(checkpoint, config, SAMPLES, true).device - least.device,
    4 * (config.hiddenSize ** 2 + config.intermediateSize ** 2),
  );
  const more = calibrationBytes(checkpoint, config, [...SAMPLES, ...SAMPLES], false);
  t.strictSame(more, { host: 2 * least.host, device: least.device });
  t.ok(calibrationBytes(checkpoint, config, [SAMPLES.flat().concat(1)], false).device > least.device);
  await checkpoint.close();
});
