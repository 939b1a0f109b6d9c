import t from 'tap';
import { StepLog, stepTimes } from '#halflight/bench/steps.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { fakeModel, fakeRequest } from '../support/fake-runner.js';

t.test('a log holds the steps since it was asked last, and their medians are told', async (t) => {
  const engine = createLocalEngine(
    fakeModel({ numBlocks: 8, blockSize: 16, maxModelLen: 64 }),
    ENGINE_DEFAULTS,
  );
  const log = new StepLog(engine);
  for await (const _ of engine.generate(fakeRequest('a', [1], { maxTokens: 5 })));
  const times = stepTimes(log.take());
  t.equal(times.numSteps, 5);
  t.ok(times.scheduleMs >= 0 && times.encodeMs >= 0);
  t.equal(times.gpuMs, null, 'the fake model has no device');
  t.equal(log.take().length, 0);
  await engine.close();
});
