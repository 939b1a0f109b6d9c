import type { ErrorCode } from '#halflight/errors.js';

export const COMPLETIONS = '/v1/completions';
export const CHAT = '/v1/chat/completions';
export const messages = [{ role: 'user', content: 'Hi' }];

/** A body and how it is refused. */
export interface Refusal {
  readonly name: string;
  readonly url?: string;
  readonly body: unknown;
  readonly code: ErrorCode;
  readonly param?: string | null;
  readonly says?: RegExp;
}

export const REFUSALS: readonly Refusal[] = [
  { name: 'an unknown model', body: { model: 'x', prompt: 'Hi' }, code: 'model_not_found', param: 'model' },
  {
    name: 'a model that is no string',
    body: { model: 5, prompt: 'Hi' },
    code: 'invalid_value',
    param: 'model',
  },
  { name: 'no prompt', body: {}, code: 'invalid_value', param: 'prompt', says: /required/ },
  { name: 'an empty prompt', body: { prompt: '' }, code: 'invalid_value', param: 'prompt' },
  { name: 'an empty list', body: { prompt: [] }, code: 'invalid_value', param: 'prompt' },
  {
    name: 'an empty prompt in a list',
    body: { prompt: ['a', ''] },
    code: 'invalid_value',
    param: 'prompt[1]',
  },
  { name: 'a prompt object', body: { prompt: { a: 1 } }, code: 'invalid_value', param: 'prompt' },
  { name: 'a mixed prompt', body: { prompt: [1, 'a'] }, code: 'invalid_value', param: 'prompt[1]' },
  {
    name: 'a negative token id',
    body: { prompt: [1, -1] },
    code: 'invalid_value',
    param: 'prompt[1]',
    says: /2047/,
  },
  {
    name: 'a token id beyond the vocabulary',
    body: { prompt: [[1], [2048]] },
    code: 'invalid_value',
    param: 'prompt[1][0]',
  },
  { name: 'a fractional token id', body: { prompt: [1.5] }, code: 'invalid_value', param: 'prompt[0]' },
  {
    name: 'too many prompts',
    body: { prompt: Array(300).fill('a') },
    code: 'invalid_value',
    param: 'prompt',
  },
  { name: 'no tokens', body: { prompt: 'Hi', max_tokens: 0 }, code: 'invalid_value', param: 'max_tokens' },
  {
    name: 'a string for a number',
    body: { prompt: 'Hi', max_tokens: '5' },
    code: 'invalid_value',
    param: 'max_tokens',
    says: /positive integer/,
  },
  {
    name: 'a hot temperature',
    body: { prompt: 'Hi', temperature: 2.1 },
    code: 'invalid_value',
    param: 'temperature',
    says: /0 to 2/,
  },
  {
    name: 'a cold temperature',
    body: { prompt: 'Hi', temperature: -1 },
    code: 'invalid_value',
    param: 'temperature',
  },
  { name: 'top_p of 0', body: { prompt: 'Hi', top_p: 0 }, code: 'invalid_value', param: 'top_p' },
  { name: 'top_k of -2', body: { prompt: 'Hi', top_k: -2 }, code: 'invalid_value', param: 'top_k' },
  { name: 'min_p of 2', body: { prompt: 'Hi', min_p: 2 }, code: 'invalid_value', param: 'min_p' },
  { name: 'a huge seed', body: { prompt: 'Hi', seed: 1e300 }, code: 'invalid_value', param: 'seed' },
  { name: 'an empty stop string', body: { prompt: 'Hi', stop: '' }, code: 'invalid_value', param: 'stop' },
  {
    name: 'five stop strings',
    body: { prompt: 'Hi', stop: ['a', 'b', 'c', 'd', 'e'] },
    code: 'invalid_value',
    param: 'stop',
    says: /at most 4/,
  },
  {
    name: 'a stop token beyond the vocabulary',
    body: { prompt: 'Hi', stop_token_ids: [1, 5000] },
    code: 'invalid_value',
    param: 'stop_token_ids[1]',
  },
  {
    name: 'a negative stop token',
    body: { prompt: 'Hi', stop_token_ids: [-1] },
    code: 'invalid_value',
    param: 'stop_token_ids[0]',
  },
  {
    name: 'stream options without a stream',
    body: { prompt: 'Hi', stream_options: {} },
    code: 'invalid_value',
    param: 'stream_options',
  },
  {
    name: 'a wrong stream option',
    body: { prompt: 'Hi', stream: true, stream_options: { include_usage: 1 } },
    code: 'invalid_value',
    param: 'stream_options.include_usage',
  },
  {
    name: 'a prompt that leaves no room',
    body: { prompt: Array(128).fill(5) },
    code: 'context_length_exceeded',
    says: /128 tokens; the prompt has 128/,
  },
  {
    name: 'more tokens than there is room',
    body: { prompt: [5, 6], max_tokens: 127 },
    code: 'context_length_exceeded',
    param: 'max_tokens',
    says: /has 2 and 127/,
  },
  { name: 'too many answers', body: { prompt: 'Hi', n: 9 }, code: 'invalid_value', param: 'n' },
  { name: 'logprobs', body: { prompt: 'Hi', logprobs: 1 }, code: 'unsupported_parameter', param: 'logprobs' },
  {
    name: 'a logit bias',
    body: { prompt: 'Hi', logit_bias: { 5: 1 } },
    code: 'unsupported_parameter',
    param: 'logit_bias',
  },
  {
    name: 'continuous usage',
    body: { prompt: 'Hi', stream: true, stream_options: { continuous_usage_stats: true } },
    code: 'unsupported_parameter',
    param: 'stream_options.continuous_usage_stats',
  },
  {
    name: 'tools',
    url: CHAT,
    body: { messages, tools: [{}] },
    code: 'unsupported_parameter',
    param: 'tools',
  },
  {
    name: 'a JSON response',
    url: CHAT,
    body: { messages, response_format: { type: 'json_object' } },
    code: 'unsupported_parameter',
    param: 'response_format',
  },
  { name: 'no messages', url: CHAT, body: { messages: [] }, code: 'invalid_value', param: 'messages' },
  {
    name: 'a message that is a string',
    url: CHAT,
    body: { messages: ['Hi'] },
    code: 'invalid_value',
    param: 'messages[0]',
  },
  {
    name: 'a message without a role',
    url: CHAT,
    body: { messages: [{ content: 'a' }] },
    code: 'invalid_value',
    param: 'messages[0].role',
  },
  {
    name: 'an unknown role',
    url: CHAT,
    body: { messages: [{ role: '<|im_start|>', content: 'a' }] },
    code: 'invalid_value',
    param: 'messages[0].role',
  },
  {
    name: 'a user message without content',
    url: CHAT,
    body: { messages: [{ role: 'user' }] },
    code: 'invalid_value',
    param: 'messages[0].content',
  },
  {
    name: 'an image',
    url: CHAT,
    body: { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
    code: 'invalid_value',
    param: 'messages[0].content',
  },
  { name: 'a body that is a list', body: [], code: 'invalid_json', param: null },
];
