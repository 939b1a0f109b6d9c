import t from 'tap';
import { checkRequest } from '#halflight/engine/request.js';
import { fakeRequest } from '../support/fake-runner.js';

const LIMITS = { maxModelLen: 100, numBlocks: 2, blockSize: 16 };

t.test('a request is taken up to the last one that can finish alone', async (t) => {
  const prompt = Array.from({ length: 20 }, () => 1);
  t.doesNotThrow(() => checkRequest(fakeRequest('a', prompt, { maxTokens: 13 }), LIMITS));
  t.throws(() => checkRequest(fakeRequest('a', prompt, { maxTokens: 14 }), LIMITS), {
    code: 'context_length_exceeded',
    message: '20 tokens of prompt and 14 of answer do not fit the KV cache of 32 tokens.',
  });
});

t.test('what maxModelLen cuts off needs no room', async (t) => {
  const limits = { ...LIMITS, maxModelLen: 33 };
  t.doesNotThrow(() => checkRequest(fakeRequest('a', [1], { maxTokens: 1_000_000 }), limits));
});

t.test('a prompt that fills the context is refused with both counts', async (t) => {
  const prompt = Array.from({ length: 10 }, () => 1);
  t.throws(() => checkRequest(fakeRequest('a', prompt), { ...LIMITS, maxModelLen: 10 }), {
    code: 'context_length_exceeded',
    message: /10 tokens; the context of 10 tokens/,
  });
});

t.test('a prompt to embed may fill the context, and the cache', (t) => {
  const embed = (length: number) => ({
    id: 'a',
    promptTokenIds: Array(length).fill(1),
    pooling: 'last' as const,
  });
  t.doesNotThrow(() => checkRequest(embed(32), LIMITS));
  t.doesNotThrow(() => checkRequest(embed(10), { ...LIMITS, maxModelLen: 10 }));
  t.throws(() => checkRequest(embed(33), LIMITS), {
    code: 'context_length_exceeded',
    message: 'The prompt has 33 tokens; the context holds 32.',
  });
  t.throws(() => checkRequest(embed(0), LIMITS), { code: 'invalid_value' });
  t.end();
});

t.test('malformed requests are the caller’s mistake', async (t) => {
  const malformed = [
    fakeRequest('a', []),
    ...[-1, 1.5, Number.NaN, 2 ** 32].map((token) => fakeRequest('a', [1, token])),
    ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((maxTokens) =>
      fakeRequest('a', [1], { maxTokens }),
    ),
  ];
  for (const request of malformed) {
    t.throws(() => checkRequest(request, LIMITS), { code: 'invalid_value', status: 400 });
  }
});
