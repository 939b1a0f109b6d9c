import t from 'tap';
import type { ApiError } from '#halflight/errors.js';
import { Admission } from '#halflight/server/admission.js';
import { FakeEngine } from '../support/fake-engine.js';
import { COMPLETIONS } from '../support/refusals.js';
import { testServer } from '../support/server.js';

t.test('refuses what the queue has no place for, and takes work again afterwards', async (t) => {
  const engine = new FakeEngine({ delayMs: 5, info: { maxNumSeqs: 2 } });
  const app = testServer({ engine, maxQueued: 1 });
  const post = () =>
    app.inject({ method: 'POST', url: COMPLETIONS, payload: { prompt: 'Hi', max_tokens: 5 } });
  const replies = await Promise.all([post(), post(), post(), post(), post()]);
  t.same(replies.map((reply) => reply.statusCode).sort(), [200, 200, 200, 429, 429]);
  const refused = replies.find((reply) => reply.statusCode === 429);
  t.equal(refused?.json().error.code, 'queue_full');
  t.match(refused?.headers['retry-after'], /^[1-9]\d*$/);
  t.equal((await post()).statusCode, 200);
  const tooMany = await app.inject({
    method: 'POST',
    url: COMPLETIONS,
    payload: { prompt: ['a', 'b', 'c', 'd'] },
  });
  t.equal(tooMany.statusCode, 400);
});

function refusal(admission: Admission, numSequences = 1): ApiError {
  try {
    admission.admit(numSequences);
  } catch (error) {
    return error as ApiError;
  }
  throw new Error('it was admitted');
}

t.test('admits all the sequences of a request or none', (t) => {
  const admission = new Admission({ maxRunning: 2, maxQueued: 3 });
  const release = admission.admit(3);
  t.match(refusal(admission, 3), { code: 'queue_full' });
  t.equal(admission.numAdmitted, 3, 'the refused ones took no place');
  admission.admit(2);
  t.match(refusal(admission), { code: 'queue_full' });
  release(1);
  t.equal(admission.numAdmitted, 2);
  t.end();
});

t.test('asks nobody to retry what can never fit', (t) => {
  const admission = new Admission({ maxRunning: 2, maxQueued: 3 });
  t.match(refusal(admission, 6), {
    code: 'invalid_value',
    message: /asks for 6 answers at once; at most 5 are taken: send fewer prompts, or a smaller n\.$/,
    param: null,
    retryAfterSeconds: null,
  });
  t.equal(admission.numAdmitted, 0);
  t.end();
});

t.test('tells to come back when the queue should have moved, in 1 to 60 seconds', (t) => {
  const full = (maxRunning: number, maxQueued: number, seconds: number) => {
    const admission = new Admission({ maxRunning, maxQueued });
    for (let i = 0; i < 100; i++) admission.admit(1)(seconds);
    admission.admit(maxRunning + maxQueued);
    return refusal(admission).retryAfterSeconds;
  };
  t.equal(full(2, 3, 3), 6, '4 places at 2 in 3 seconds');
  t.equal(full(2, 3, 0.001), 1);
  t.equal(full(2, 0, 0), 1);
  t.equal(full(1, 255, 30), 60);
  t.end();
});

t.test('assumes requests of a second before any has ended', (t) => {
  const admission = new Admission({ maxRunning: 1, maxQueued: 4 });
  admission.admit(5);
  t.equal(refusal(admission).retryAfterSeconds, 5);
  t.end();
});
