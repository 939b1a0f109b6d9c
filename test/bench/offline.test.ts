import t from 'tap';
import { measureOffline, warmUp } from '#halflight/bench/offline.js';
import { StepLog } from '#halflight/bench/steps.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { RATES, tinyShape } from '../support/bench.js';
import { fakeModel } from '../support/fake-runner.js';

const OPTIONS = { batchSize: 3, inputLen: 20, outputLen: 8 };

function fakeEngine() {
  const model = fakeModel({ numBlocks: 64, blockSize: 16, maxModelLen: 128 });
  return createLocalEngine(model, { ...ENGINE_DEFAULTS, prefixCaching: false });
}

t.test('prefill and decode are timed apart, and held against the roofline', async (t) => {
  const engine = fakeEngine();
  const roofline = {
    rates: RATES,
    computeType: 'f32' as const,
    config: await tinyShape(),
    stepWeightBytes: 1e6,
    expertBytes: 0,
    kvTokenBytes: 1000,
  };
  const result = await measureOffline(engine, new StepLog(engine), OPTIONS, roofline, 61);
  await engine.close();
  t.match(result, OPTIONS);
  t.ok(result.prefillThroughput > 0 && result.decodeThroughput > 0);
  const layer = 128 * 64 + 64 * 64 + 192 * 64 + 64 * 96;
  t.equal(result.prefillFmaShare, (result.prefillThroughput * 2 * layer) / 1e9);
  // 1 MB of weights and 3 · 24 tokens of 1 kB at 1 GB/s.
  t.equal(result.rooflineShare, 1.072 / result.decodeStepMs);
  t.equal(result.decodeGpuMs, null, 'the fake model has no device');
  t.equal(result.dispatchesPerToken, result.dispatchesPerStep / 3);
  t.ok(result.cpuMicrosecondsPerToken > 0);
});

t.test('without rates nothing is held against them', async (t) => {
  const engine = fakeEngine();
  const result = await measureOffline(engine, new StepLog(engine), OPTIONS, null, 61);
  await engine.close();
  t.match(result, { prefillFmaShare: null, rooflineShare: null });
});

t.test('a device that raises its clocks slowly is kept busy as long as asked', async (t) => {
  const engine = fakeEngine();
  const log = new StepLog(engine);
  await warmUp(engine, OPTIONS, 61, 0);
  t.strictSame(log.take(), []);
  const start = performance.now();
  await warmUp(engine, OPTIONS, 61, 30);
  t.ok(performance.now() - start >= 30);
  t.ok(log.take().some(({ stepPromptTokens }) => stepPromptTokens > 0));
  await engine.close();
});
