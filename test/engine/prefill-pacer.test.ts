import t from 'tap';
import { PrefillPacer } from '#halflight/engine/prefill-pacer.js';

/** Decode steps of 20 ms, and prefill of 0.5 ms a token. */
function trained(maxPrefillMsPerStep: number | null): PrefillPacer {
  const pacer = new PrefillPacer({ maxPrefillMsPerStep });
  for (let i = 0; i < 40; i++) {
    pacer.observe(20, 0, 4);
    pacer.observe(20 + 64 * 0.5, 64, 4);
  }
  return pacer;
}

t.test('nothing is held back before anything was measured, or while nobody decodes', async (t) => {
  t.equal(new PrefillPacer({ maxPrefillMsPerStep: 1 }).maxPrefillTokens(3), Number.POSITIVE_INFINITY);
  t.equal(trained(1).maxPrefillTokens(0), Number.POSITIVE_INFINITY);
});

t.test('by default prefill may take three quarters of what the decodes beside it take', async (t) => {
  t.equal(trained(null).maxPrefillTokens(4), 30);
});

t.test('a limit in ms becomes tokens by the pace that was measured, but never less than 16', async (t) => {
  t.equal(trained(100).maxPrefillTokens(4), 200);
  t.equal(trained(0).maxPrefillTokens(4), 16);
});

t.test('the pace follows a machine that slows down', async (t) => {
  const pacer = trained(100);
  for (let i = 0; i < 40; i++) pacer.observe(20 + 64 * 2, 64, 4);
  t.equal(pacer.maxPrefillTokens(4), 50);
});
