import { type Static, Type } from '@fastify/type-provider-typebox';

/** Bodies of the API. Each description completes "<field> must be …"; unknown fields pass. Defaults are in params.ts. */

const MAX_STOP_STRINGS = 4;
const MAX_STOP_LENGTH = 256;
const MAX_STOP_TOKEN_IDS = 64;
const MAX_MESSAGES = 4096;
const MAX_SALT_LENGTH = 256;
/** Answers to one prompt; many more have been used to bring servers down (CVE-2026-34756). */
const MAX_SAMPLES = 8;

/** null counts as absent, as with OpenAI. One list of types gives one violation, where alternatives would give three. */
function optional<T>(type: string, description: string, bounds: object = {}) {
  return Type.Optional(Type.Unsafe<T | null>({ type: [type, 'null'], description, ...bounds }));
}

const count = (description: string) =>
  optional<number>('integer', description, { minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

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

const StreamOptions = optional<{ include_usage?: boolean | null }>('object', 'an object', {
  properties: { include_usage: { type: ['boolean', 'null'], description: 'true or false' } },
});

/** What both endpoints take. */
const Common = {
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
  stop: Stop,
  stop_token_ids: StopTokenIds,
  ignore_eos: optional<boolean>('boolean', 'true or false'),
  n: optional<number>('integer', `an integer from 1 to ${MAX_SAMPLES}`, { minimum: 1, maximum: MAX_SAMPLES }),
  priority: optional<number>('integer', 'an integer from -(2^31) to 2^31 - 1; lower goes first', {
    minimum: -(2 ** 31),
    maximum: 2 ** 31 - 1,
  }),
  cache_salt: optional<string>('string', `a string of 1 to ${MAX_SALT_LENGTH} characters`, {
    minLength: 1,
    maxLength: MAX_SALT_LENGTH,
  }),
  max_tokens: count('a positive integer'),
  stream: optional<boolean>('boolean', 'true or false'),
  stream_options: StreamOptions,
};

/** `prompt` has four shapes, so prompts.ts reads it. */
export const CompletionBody = Type.Object({ ...Common, prompt: Type.Unknown() });
export type CompletionBody = Static<typeof CompletionBody>;

const TextPart = Type.Object(
  {
    type: Type.Literal('text', { description: '"text": other kinds of content are not supported' }),
    text: Type.String(),
  },
  { description: 'an object with type "text" and a string text' },
);

const Content = Type.Union([Type.String(), Type.Array(TextPart), Type.Null()], {
  description: 'a string or a list of {"type": "text", "text": …}',
});

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'] as const;

const Message = Type.Object(
  {
    role: Type.Unsafe<(typeof ROLES)[number]>({
      type: 'string',
      enum: ROLES,
      description: `one of ${ROLES.join(', ')}`,
    }),
    content: Type.Optional(Content),
  },
  { description: 'an object with role and content' },
);

export const ChatBody = Type.Object({
  ...Common,
  messages: Type.Array(Message, {
    minItems: 1,
    maxItems: MAX_MESSAGES,
    description: `a list of 1 to ${MAX_MESSAGES} messages`,
  }),
  max_completion_tokens: count('a positive integer'),
});
export type ChatBody = Static<typeof ChatBody>;

export type CommonBody = Omit<CompletionBody, 'prompt'>;
