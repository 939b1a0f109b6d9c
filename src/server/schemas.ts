import { type Static, Type } from '@fastify/type-provider-typebox';
import { MAX_LOGPROBS } from '../ops/result-layout.js';

/** Bodies of the API. Each description completes "<field> must be …"; unknown fields pass. Defaults are in params.ts. */

export const MAX_STOP_STRINGS = 4;
export const MAX_STOP_LENGTH = 256;
const MAX_STOP_TOKEN_IDS = 64;
const MAX_SALT_LENGTH = 256;
/** Answers to one prompt; many more have been used to bring servers down (CVE-2026-34756). */
const MAX_SAMPLES = 8;
const MAX_LOGIT_BIASES = 1024;
const MAX_BAD_WORDS = 64;
const MAX_BAD_WORD_LENGTH = 256;
/** Logits are f32: multiplied and divided by less or by more they overflow. */
const REPETITION_PENALTY = { minimum: 0.01, maximum: 100 };

/** null counts as absent, as with OpenAI. One list of types gives one violation, where alternatives would give three. */
export function optional<T>(type: string, description: string, bounds: object = {}) {
  return Type.Optional(Type.Unsafe<T | null>({ type: [type, 'null'], description, ...bounds }));
}

export const count = (description: string) =>
  optional<number>('integer', description, { minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

export const numLogprobs = () =>
  optional<number>('integer', `an integer from 0 to ${MAX_LOGPROBS}`, { minimum: 0, maximum: MAX_LOGPROBS });

const penalty = () => optional<number>('number', 'a number from -2 to 2', { minimum: -2, maximum: 2 });

const StopString = Type.String({ minLength: 1, maxLength: MAX_STOP_LENGTH });

const Stop = Type.Optional(
  Type.Union([StopString, Type.Array(StopString, { maxItems: MAX_STOP_STRINGS }), Type.Null()], {
    description: `a non-empty string, or a list of at most ${MAX_STOP_STRINGS}, each of at most ${MAX_STOP_LENGTH} characters`,
  }),
);

const StopTokenIds = optional<number[]>('array', `a list of at most ${MAX_STOP_TOKEN_IDS} token ids`, {
  maxItems: MAX_STOP_TOKEN_IDS,
  items: { type: 'integer', minimum: 0, description: 'a token id, 0 or larger' },
});

const BadWords = optional<string[]>(
  'array',
  `a list of at most ${MAX_BAD_WORDS} words, each of 1 to ${MAX_BAD_WORD_LENGTH} characters`,
  {
    maxItems: MAX_BAD_WORDS,
    items: {
      type: 'string',
      minLength: 1,
      maxLength: MAX_BAD_WORD_LENGTH,
      description: `a string of 1 to ${MAX_BAD_WORD_LENGTH} characters`,
    },
  },
);

const AllowedTokenIds = optional<number[]>('array', 'a non-empty list of token ids', {
  minItems: 1,
  items: { type: 'integer', minimum: 0, description: 'a token id, 0 or larger' },
});

/** Its entries are read in logits-params.ts: a path of JSON Schema does not tell a key of digits from an index. */
const LogitBias = optional<Record<string, unknown>>(
  'object',
  `an object of at most ${MAX_LOGIT_BIASES} token ids, each with a number`,
  { maxProperties: MAX_LOGIT_BIASES },
);

export const flag = () => optional<boolean>('boolean', 'true or false');

const StreamOptions = optional<{ include_usage?: boolean | null; continuous_usage_stats?: boolean | null }>(
  'object',
  'an object',
  { properties: { include_usage: flag(), continuous_usage_stats: flag() } },
);

const RESPONSE_FORMATS = ['text', 'json_object', 'json_schema'] as const;

const ResponseFormat = optional<{
  readonly type: (typeof RESPONSE_FORMATS)[number];
  readonly json_schema?: Readonly<Record<string, unknown>> | null;
}>('object', 'an object with type, and json_schema where that is its type', {
  required: ['type'],
  properties: {
    type: { type: 'string', enum: RESPONSE_FORMATS, description: `one of ${RESPONSE_FORMATS.join(', ')}` },
    json_schema: optional<object>('object', 'an object with name, schema and strict', {
      properties: { name: optional<string>('string', 'a string'), strict: flag() },
    }),
  },
});

/** What each holds is read in structured.ts. */
const Structured = {
  response_format: ResponseFormat,
  structured_outputs: optional<Record<string, unknown>>(
    'object',
    'an object with one of json, regex, choice, grammar, json_object',
  ),
  guided_json: Type.Optional(Type.Unknown()),
  guided_regex: optional<string>('string', 'a regular expression'),
  guided_choice: optional<string[]>('array', 'a list of strings', {
    items: { type: 'string', description: 'a string' },
  }),
  guided_grammar: optional<string>('string', 'a grammar in EBNF'),
};

/** What both endpoints take. */
export const Common = {
  ...Structured,
  model: optional<string>('string', 'a string'),
  temperature: optional<number>('number', 'a number from 0 to 2', { minimum: 0, maximum: 2 }),
  top_p: optional<number>('number', 'a number above 0, at most 1', { exclusiveMinimum: 0, maximum: 1 }),
  top_k: optional<number>('integer', 'a positive integer, or 0 or -1 for all tokens', {
    minimum: -1,
    maximum: 2 ** 31 - 1,
  }),
  min_p: optional<number>('number', 'a number from 0 to 1', { minimum: 0, maximum: 1 }),
  seed: optional<number>('integer', 'an integer from -(2^53 - 1) to 2^53 - 1', {
    minimum: Number.MIN_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER,
  }),
  presence_penalty: penalty(),
  frequency_penalty: penalty(),
  repetition_penalty: optional<number>(
    'number',
    `a number from ${REPETITION_PENALTY.minimum} to ${REPETITION_PENALTY.maximum}`,
    REPETITION_PENALTY,
  ),
  logit_bias: LogitBias,
  bad_words: BadWords,
  allowed_token_ids: AllowedTokenIds,
  prompt_logprobs: numLogprobs(),
  stop: Stop,
  stop_token_ids: StopTokenIds,
  ignore_eos: flag(),
  include_stop_str_in_output: flag(),
  skip_special_tokens: flag(),
  spaces_between_special_tokens: flag(),
  truncate_prompt_tokens: optional<number>('integer', 'a positive integer, or -1 for what fits', {
    minimum: -1,
    not: { const: 0 },
  }),
  return_token_ids: flag(),
  return_tokens_as_token_ids: flag(),
  request_id: optional<string>('string', '1 to 128 letters, digits and . : - _', {
    pattern: '^[\\w.:-]{1,128}$',
  }),
  n: optional<number>('integer', `an integer from 1 to ${MAX_SAMPLES}`, { minimum: 1, maximum: MAX_SAMPLES }),
  priority: optional<number>('integer', 'an integer from -(2^31) to 2^31 - 1; lower goes first', {
    minimum: -(2 ** 31),
    maximum: 2 ** 31 - 1,
  }),
  cache_salt: optional<string>('string', `a string of 1 to ${MAX_SALT_LENGTH} characters`, {
    minLength: 1,
    maxLength: MAX_SALT_LENGTH,
  }),
  min_tokens: optional<number>('integer', 'an integer from 0 to max_tokens', {
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
  }),
  stream: flag(),
  stream_options: StreamOptions,
};

/** `prompt` has four shapes, so prompts.ts reads it. */
export const CompletionBody = Type.Object({
  ...Common,
  prompt: Type.Unknown(),
  suffix: optional<string>('string', 'a string'),
  echo: flag(),
  add_special_tokens: flag(),
  max_tokens: optional<number>('integer', 'a positive integer, or 0 with echo', {
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
  }),
  logprobs: numLogprobs(),
});
export type CompletionBody = Static<typeof CompletionBody>;

export type CommonBody = Omit<
  CompletionBody,
  'prompt' | 'suffix' | 'echo' | 'add_special_tokens' | 'max_tokens' | 'logprobs'
>;
