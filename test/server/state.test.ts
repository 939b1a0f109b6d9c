import t from 'tap';
import { assertHealthy, assertReady } from '#halflight/server/state.js';
import { COMPLETIONS } from '../support/refusals.js';
import { testServer } from '../support/server.js';

t.test('refuses work where it is not ready', async (t) => {
  for (const [phase, code] of [
    ['loading', 'not_ready'],
    ['draining', 'not_ready'],
    ['failed', 'engine_failed'],
  ] as const) {
    const reply = await testServer({ state: { phase } }).inject({
      method: 'POST',
      url: COMPLETIONS,
      payload: { prompt: 'Hi' },
    });
    t.equal(reply.statusCode, 503);
    t.equal(reply.json().error.code, code);
    t.match(reply.headers['retry-after'], /^\d+$/);
  }
});

t.test('says what it waits for, and refuses nothing when ready', (t) => {
  t.doesNotThrow(() => assertReady({ phase: 'ready' }));
  t.doesNotThrow(() => assertReady({ phase: 'leaving' }), 'work is taken until the balancers know');
  t.throws(() => assertHealthy({ phase: 'leaving' }), { code: 'not_ready', message: /about to shut down/ });
  t.throws(() => assertReady({ phase: 'loading' }), { code: 'not_ready', message: /loading/, status: 503 });
  t.throws(() => assertReady({ phase: 'draining' }), { code: 'not_ready', message: /shutting down/ });
  t.throws(() => assertReady({ phase: 'failed' }), { code: 'engine_failed', retryAfterSeconds: 5 });
  t.end();
});
