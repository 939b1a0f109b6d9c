import t from 'tap';
import { measureLoad, recoverySeconds } from '#halflight/bench/serve/measure.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { plan } from '../../support/load.js';
import { testServer } from '../../support/server.js';
import { startToy } from '../../support/toy-server.js';

t.test('a server is loaded and watched, and both sides count the same tokens', async (t) => {
  const app = testServer({ engine: new FakeEngine({ delayMs: 5 }) });
  t.teardown(() => app.close());
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const load = plan(url, 6, { maxConcurrency: 2 });
  const own = { ...load, target: { ...load.target, model: 'fable', ignoreEos: true } };
  const measurement = await measureLoad(own, { goodput: { ttft: 10_000 }, watchServer: true });
  t.match(measurement.summary, { completed: 6, failed: 0, total_input_tokens: 18, total_output_tokens: 30 });
  t.ok((measurement.summary.request_goodput ?? 0) > 0);
  const [input, output] = measurement.server?.agreement ?? [];
  t.match(input, { figure: 'prompt tokens', client: 18, server: 18 });
  t.match(output, { figure: 'generated tokens', client: 30, server: 30 });
  t.equal(measurement.times.length, 6);
});

t.test('recovery is the time until a request is answered again', async (t) => {
  const { url } = await startToy(t, (index) => ({
    ttftMs: 1,
    itlMs: 1,
    numTokens: 2,
    ...(index < 2 ? { failure: 'refused' as const } : {}),
  }));
  const seconds = await recoverySeconds(plan(url, 1), 10_000);
  t.ok(seconds !== null && seconds > 0.2, `${seconds} s, with two pauses of 0.1 s`);
  t.equal(await recoverySeconds(plan('http://127.0.0.1:1', 1), 200), null);
});
