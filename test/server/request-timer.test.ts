import t from 'tap';
import { Metrics } from '#halflight/server/metrics.js';

const PROMPT = { numCachedTokens: 3, queueMs: 20, prefillMs: 30 };

t.test('tells how a sequence went, up to now', async (t) => {
  const metrics = new Metrics('fable', 128);
  t.teardown(() => metrics.close());
  const timer = metrics.startRequest(1000, 5, 50);
  t.match(timer.timing(), { startMs: 1000, firstMs: null, lastMs: 1000, numTokens: 0, reason: null });
  timer.token({ timeMs: 1100, prompt: PROMPT });
  timer.token({ timeMs: 1150, prompt: PROMPT });
  timer.finish('stop');
  timer.finish('abort');
  t.strictSame(timer.timing(), {
    startMs: 1000,
    queueMs: 20,
    prefillMs: 30,
    firstMs: 1100,
    lastMs: 1150,
    numPromptTokens: 5,
    numTokens: 2,
    numCachedTokens: 3,
    reason: 'stop',
  });
});
