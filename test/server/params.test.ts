import t from 'tap';
import {
  answerId,
  chatNumLogprobs,
  chatTokens,
  completionTokens,
  requestedChatTokens,
  requestedTokens,
  samplingParams,
  streamParams,
  textOptions,
  truncatePrompt,
} from '#halflight/server/params.js';

const TEXT = { stop: [], includeStop: false, skipSpecialTokens: true, promptOnly: false };
const asked = (count: number | null) => ({ count, field: 'max_tokens' }) as const;
const SHARED = { vocabSize: 100, logits: null, numLogprobs: null, numPromptLogprobs: null, grammar: null };

t.test('fills in the defaults, also for null', (t) => {
  const defaults = { maxTokens: 9, temperature: 1, topK: 0, topP: 1, minP: 0, ignoreEos: false };
  for (const body of [{}, { temperature: null, top_k: null, top_p: null, min_p: null, ignore_eos: null }]) {
    t.match(samplingParams(body, 9, SHARED), { ...defaults, stopTokenIds: [] });
    t.same(streamParams(body), { stream: false, includeUsage: false, continuousUsage: false });
    t.same(textOptions(body), TEXT);
  }
  const none = { stream: false, includeUsage: false, continuousUsage: false };
  t.same(streamParams({ stream: null, stream_options: null }), none);
  t.end();
});

t.test('lifts a temperature that is almost 0, and keeps 0 as greedy', (t) => {
  const lifted = (temperature: number) => samplingParams({ temperature }, 1, SHARED).temperature;
  t.same([0, 1e-30, 0.009, 0.01, 0.011, 2].map(lifted), [0, 0.01, 0.01, 0.01, 0.011, 2]);
  t.end();
});

t.test('takes both ways of keeping all tokens', (t) => {
  const topK = (top_k: number) => samplingParams({ top_k }, 1, SHARED).topK;
  t.same([-1, 0, 1, 40].map(topK), [0, 0, 1, 40]);
  t.end();
});

t.test('makes 64 bits of any seed, and draws one where none is given', (t) => {
  const seedOf = (seed?: number | null) => samplingParams({ seed }, 1, SHARED).seed;
  t.equal(seedOf(0), 0n, '0 is a seed');
  t.equal(seedOf(5), 5n);
  t.equal(seedOf(-1), 2n ** 64n - 1n);
  t.equal(seedOf(Number.MIN_SAFE_INTEGER), 2n ** 64n - 2n ** 53n + 1n);
  for (const none of [undefined, null]) {
    const [first, second] = [seedOf(none), seedOf(none)];
    t.ok(first >= 0n && first < 2n ** 64n);
    t.not(first, second, 'two of 64 random bits differ');
  }
  t.end();
});

t.test('refuses stop tokens from the end of the vocabulary on', (t) => {
  const stop = (...stop_token_ids: number[]) => samplingParams({ stop_token_ids }, 1, SHARED);
  t.same(stop(0, 99).stopTokenIds, [0, 99]);
  t.throws(() => stop(1, 2, 100), {
    code: 'invalid_value',
    param: 'stop_token_ids[2]',
    message: /below 100/,
  });
  t.end();
});

t.test('gives a completion 16 tokens, a chat the rest of the context, both at most what fits', (t) => {
  t.equal(completionTokens(asked(null), 10, 100), 16);
  t.equal(completionTokens(asked(null), 90, 100), 10);
  t.equal(completionTokens(asked(90), 10, 100), 90);
  t.equal(chatTokens(asked(null), 10, 100), 90);
  t.equal(chatTokens(asked(5), 10, 100), 5);
  for (const tokensFor of [completionTokens, chatTokens]) {
    t.equal(tokensFor(asked(null), 99, 100), 1);
    t.throws(() => tokensFor(asked(91), 10, 100), {
      code: 'context_length_exceeded',
      param: 'max_tokens',
      message: /100 tokens; the prompt has 10 and 91/,
    });
    t.throws(() => tokensFor(asked(null), 100, 100), { code: 'context_length_exceeded', param: null });
    t.throws(() => tokensFor(asked(1), 101, 100), { code: 'context_length_exceeded', param: null });
  }
  t.end();
});

t.test('reads the newer name of a limit before the older one', (t) => {
  const requested = (body: object) => requestedChatTokens({ messages: [], ...body });
  const newer = { count: 3, field: 'max_completion_tokens' } as const;
  t.same(requested({ max_tokens: 5, max_completion_tokens: 3 }), newer);
  t.same(requested({ max_tokens: 5, max_completion_tokens: null }), asked(5));
  t.same(requested({}), asked(null));
  t.throws(() => chatTokens(newer, 98, 100), {
    code: 'context_length_exceeded',
    param: 'max_completion_tokens',
  });
  t.end();
});

t.test('a completion of no tokens takes the one that computing its prompt gives', (t) => {
  t.same([{ max_tokens: 0 }, { max_tokens: 7 }, {}].map(requestedTokens), [asked(1), asked(7), asked(null)]);
  t.end();
});

t.test('takes stream options only with a stream', (t) => {
  t.same(streamParams({ stream: true, stream_options: { include_usage: true } }), {
    stream: true,
    includeUsage: true,
    continuousUsage: false,
  });
  t.same(streamParams({ stream: true, stream_options: {} }), {
    stream: true,
    includeUsage: false,
    continuousUsage: false,
  });
  for (const stream of [false, null, undefined]) {
    t.throws(() => streamParams({ stream, stream_options: {} }), {
      code: 'invalid_value',
      param: 'stream_options',
    });
  }
  t.end();
});

t.test('streams no log-probabilities of the prompt', (t) => {
  t.doesNotThrow(() => streamParams({ stream: false, prompt_logprobs: 5 }));
  for (const prompt_logprobs of [0, 5]) {
    t.throws(() => streamParams({ stream: true, prompt_logprobs }), {
      code: 'invalid_value',
      param: 'prompt_logprobs',
      message: 'prompt_logprobs cannot be streamed.',
    });
  }
  t.end();
});

t.test('tells of as many likeliest tokens of a chat as are asked for, and only with logprobs', (t) => {
  const told = (body: object) => chatNumLogprobs({ messages: [], ...body });
  t.equal(told({}), null);
  t.equal(told({ logprobs: null, top_logprobs: null }), null);
  t.equal(told({ logprobs: false, top_logprobs: 0 }), null, '0 asks for nothing');
  t.equal(told({ logprobs: true }), 0);
  t.equal(told({ logprobs: true, top_logprobs: 7 }), 7);
  for (const logprobs of [false, null, undefined]) {
    t.throws(() => told({ logprobs, top_logprobs: 1 }), {
      code: 'invalid_value',
      param: 'top_logprobs',
      message: 'top_logprobs needs "logprobs": true.',
    });
  }
  t.end();
});

t.test('asks the engine for nothing that the request does not ask for', (t) => {
  const neutral = samplingParams({ prompt_logprobs: null, min_tokens: 0 }, 5, SHARED);
  for (const key of ['logits', 'numLogprobs', 'numPromptLogprobs']) t.notOk(key in neutral, key);
  const shared = { ...SHARED, numLogprobs: 0, numPromptLogprobs: 0 };
  t.match(samplingParams({}, 5, shared), { numLogprobs: 0, numPromptLogprobs: 0 });
  t.end();
});

t.test('refuses a minimum of tokens above the maximum', (t) => {
  t.doesNotThrow(() => samplingParams({ min_tokens: 5 }, 5, SHARED));
  t.throws(() => samplingParams({ min_tokens: 6 }, 5, SHARED), {
    code: 'invalid_value',
    param: 'min_tokens',
    message: 'min_tokens must not be larger than max_tokens, here 5.',
  });
  t.end();
});

t.test('makes a list of one stop string', (t) => {
  t.same(textOptions({ stop: 'a' }).stop, ['a']);
  t.same(textOptions({ stop: ['a', 'b'] }).stop, ['a', 'b']);
  t.end();
});

t.test('continuous usage needs usage', (t) => {
  const both = { include_usage: true, continuous_usage_stats: true };
  t.match(streamParams({ stream: true, stream_options: both }), { continuousUsage: true });
  t.throws(() => streamParams({ stream: true, stream_options: { continuous_usage_stats: true } }), {
    code: 'invalid_value',
    param: 'stream_options.continuous_usage_stats',
  });
  t.end();
});

t.test('a prompt is cut at its beginning, to so many tokens or to what leaves room', (t) => {
  const cut = (truncate_prompt_tokens: number | null, maxTokens: number | null = null) =>
    truncatePrompt([1, 2, 3, 4, 5], { truncate_prompt_tokens }, maxTokens, 4);
  t.same(cut(null), [1, 2, 3, 4, 5]);
  t.same(cut(2), [4, 5]);
  t.same(cut(9), [1, 2, 3, 4, 5]);
  t.same(cut(-1), [3, 4, 5], 'one token of answer');
  t.same(cut(-1, 3), [5]);
  t.same(cut(-1, 4), [1, 2, 3, 4, 5], 'nothing would be left: refused later, as too long');
  t.end();
});

t.test('an answer has the id that the request gives it', (t) => {
  t.equal(answerId('cmpl', { request_id: 'a.b' }), 'cmpl-a.b');
  t.match(answerId('cmpl', {}), /^cmpl-[0-9a-f-]{36}$/);
  t.end();
});
