import t, { type Test } from 'tap';
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
import { type TinyModel, tinyDir } from '../../support/tiny.js';

const RTN = nearestMethod({ scales: { kind: 'extremes' }, weighted: false });
const INT8 = parseQuantization('int8');
const OPTIONS = {
  computeType: 'float32',
  batchInvariant: false,
  device: 'webgpu',
  requireGpu: false,
} as const;
const SAMPLES = [Array.from({ length: 24 }, (_, i) => (7 * i + 3) % 97)];

/** Inputs of a tiny model on the device that the tests have; what was there before any layer does not count. */
async function open(t: Test, model: TinyModel) {
  const config = await parseModelConfig(tinyDir(model));
  const checkpoint = await openModelCheckpoint(tinyDir(model));
  let heldBytes = () => 0;
  const gatherer = new InputGatherer<GPUBuffer>({
    openOps: async () => {
      const { ops } = await webgpuBackend(OPTIONS);
      const opened = totalOf(ops);
      heldBytes = () => totalOf(ops) - opened;
      return ops;
    },
    checkpoint,
    config,
    samples: SAMPLES,
    withHessian: true,
  });
  t.teardown(() => {
    gatherer.close();
    return checkpoint.close();
  });
  return { gatherer, checkpoint, config, heldBytes: () => heldBytes() };
}

function totalOf(ops: Ops<GPUBuffer>): number {
  const { weights, kv_cache, activations } = ops.memory();
  return weights + kv_cache + activations;
}

/** Parameters of dispatches, the batch, norms and rotations: small beside any layer but a tiny model's. */
const SMALL_BYTES = 2 ** 17;

t.test('no more is on the device than is told before, however often a matrix becomes another', async (t) => {
  for (const model of ['llama', 'gpt2'] as const) {
    const { gatherer, checkpoint, config, heldBytes } = await open(t, model);
    const name = inLayer(namesIn(checkpoint.tensors, config).down, 0).weight;
    const [rows, cols] = [config.hiddenSize, config.intermediateSize];
    const values = await checkpoint.readF32(name);
    const rounded = RTN.quantize({ name, values, rows, cols, format: INT8, stats: null });
    await gatherer.statsOf(name);
    const hidden = await gatherer.hiddenBefore(0, [0]);
    const held = [heldBytes()];
    for (let turn = 0; turn < 3; turn++) {
      await gatherer.through(0, [0], hidden, { tensor: name, ...rounded });
      held.push(heldBytes());
    }
    t.strictSame(held.slice(2), [held[1], held[1]], 'what a matrix was before is freed');
    const { device: told } = calibrationBytes(checkpoint, config, SAMPLES, true);
    t.ok(Math.max(...held) <= told + SMALL_BYTES, `${model}: ${held} of ${told}`);
    t.ok(Math.max(...held) > told / 2, `${model}: ${held} of ${told}`);
  }
});

t.test('Hessians take more of the device, longer samples too, and more samples of the host', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const checkpoint = await openModelCheckpoint(tinyDir('llama'));
  const least = calibrationBytes(checkpoint, config, SAMPLES, false);
  const [hidden, widest] = [config.hiddenSize, config.intermediateSize];
  const [streams, read] = [2 * 4 * 24 * hidden, 4 * 24 * widest];
  t.equal(least.host, streams + read);
  const withHessian = calibrationBytes(checkpoint, config, SAMPLES, true);
  // The sums of the widest product are the largest read then.
  const readSums = 4 * widest ** 2;
  t.equal(withHessian.device - least.device, 4 * (hidden ** 2 + widest ** 2) + readSums - read);
  t.equal(withHessian.host, streams + readSums);
  const more = calibrationBytes(checkpoint, config, [...SAMPLES, ...SAMPLES], false);
  t.strictSame(more, { host: 2 * streams + read, device: least.device });
  t.ok(calibrationBytes(checkpoint, config, [SAMPLES.flat().concat(1)], false).device > least.device);
  await checkpoint.close();
});
