import fc from 'fast-check';
import t from 'tap';
import { testServer } from '../support/server.js';

/** One seed, so that a failure comes again. */
const SEED = 20;
const NUM_BODIES = 500;

const junk = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(-1, 0, 1e308, 2 ** 53, 0.5, '', '\u0000', '\uD800', '<|im_end|>', [], {}, [[]], null),
);

const FIELDS = [
  'model',
  'prompt',
  'messages',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'seed',
  'stop',
  'stop_token_ids',
  'ignore_eos',
  'stream',
  'stream_options',
  'n',
  'logit_bias',
  'presence_penalty',
  'frequency_penalty',
  'repetition_penalty',
  'min_tokens',
  'bad_words',
  'allowed_token_ids',
  'logprobs',
  'top_logprobs',
  'prompt_logprobs',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning_effort',
  'chat_template',
  'chat_template_kwargs',
  'documents',
  'continue_final_message',
  'add_special_tokens',
  'response_format',
  '__proto__',
  'constructor',
  'unknown',
];

const prompt = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.nat(2047)),
  fc.array(fc.string(), { maxLength: 3 }),
);

const message = fc.record({
  role: fc.constantFrom('user', 'assistant', 'system', 'tool'),
  content: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.record({ type: fc.constant('text'), text: fc.string() })),
  ),
});

const sane = fc.record({
  prompt,
  messages: fc.array(message, { maxLength: 4 }),
  max_tokens: fc.integer({ min: 1, max: 8 }),
  stream: fc.boolean(),
});

/** Half of them proper, half with a few fields of junk. */
const body = fc.oneof(
  sane,
  fc
    .tuple(sane, fc.dictionary(fc.constantFrom(...FIELDS), junk, { maxKeys: 4 }))
    .map(([good, bad]) => ({ ...good, ...bad })),
);

t.test('answers any body with a proper answer or a four-key refusal', async (t) => {
  const app = testServer({ maxQueued: 1000 });
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.constantFrom('/v1/completions', '/v1/chat/completions'),
      async (payload, url) => {
        const reply = await app.inject({ method: 'POST', url, payload });
        statuses.set(reply.statusCode, (statuses.get(reply.statusCode) ?? 0) + 1);
        if (reply.statusCode === 200) return true;
        const keys = Object.keys(reply.json().error).join();
        return reply.statusCode < 500 && keys === 'message,type,param,code';
      },
    ),
    { seed: SEED, numRuns: NUM_BODIES },
  );
  t.ok((statuses.get(200) ?? 0) > NUM_BODIES / 10, `${statuses.get(200)} were answered`);
  t.ok((statuses.get(400) ?? 0) > NUM_BODIES / 10, `${statuses.get(400)} were refused`);
});

t.test('answers any bytes', async (t) => {
  const app = testServer();
  const check = fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const reply = await app.inject({
        method: 'POST',
        url: '/v1/completions',
        payload: Buffer.from(bytes),
        headers: { 'content-type': 'application/json' },
      });
      return reply.statusCode < 500;
    }),
    { seed: SEED, numRuns: 200 },
  );
  await t.resolves(check);
});
