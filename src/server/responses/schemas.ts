import { type Static, Type } from '@fastify/type-provider-typebox';
import { functionName, MAX_TOOLS, REASONING_EFFORTS } from '../chat-schemas.js';
import { Common, count, flag, optional } from '../schemas.js';

/** Body of `/v1/responses`. Each description completes "<field> must be …"; unknown fields pass. */

const MAX_ITEMS = 4096;
const MAX_METADATA = 16;
const ROLES = ['system', 'developer', 'user', 'assistant'] as const;
const ITEM_TYPES = ['message', 'function_call', 'function_call_output', 'reasoning'] as const;

/** Which fields an item needs, and what its content may be, is up to its type: to-chat.ts reads them. */
const Item = Type.Object(
  {
    type: optional<(typeof ITEM_TYPES)[number]>('string', `one of ${ITEM_TYPES.join(', ')}`, {
      enum: [...ITEM_TYPES, null],
    }),
    role: optional<(typeof ROLES)[number]>('string', `one of ${ROLES.join(', ')}`, {
      enum: [...ROLES, null],
    }),
    content: Type.Optional(Type.Unknown()),
    call_id: optional<string>('string', 'a string'),
    name: optional<string>('string', 'a string'),
    arguments: optional<string>('string', 'a string that holds a JSON object'),
    output: Type.Optional(Type.Unknown()),
  },
  { description: 'an object with a type, or a role and content' },
);
export type Item = Static<typeof Item>;

const Tool = Type.Object(
  {
    type: Type.Literal('function', { description: '"function": other kinds of tools are not supported' }),
    name: functionName(),
    description: optional<string>('string', 'a string'),
    parameters: optional<Record<string, unknown>>('object', 'a JSON Schema, an object'),
    strict: flag(),
  },
  { description: 'an object with type "function", name and parameters' },
);

const Format = optional<Record<string, unknown>>('object', 'an object with a type');

export const ResponsesBody = Type.Object({
  model: Common.model,
  input: Type.Unsafe<string | Item[]>({
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', items: Item, minItems: 1, maxItems: MAX_ITEMS },
    ],
    description: `a string that is not empty, or a list of 1 to ${MAX_ITEMS} items`,
  }),
  instructions: optional<string>('string', 'a string'),
  max_output_tokens: count('a positive integer'),
  temperature: Common.temperature,
  top_p: Common.top_p,
  tools: optional<Static<typeof Tool>[]>('array', `a list of at most ${MAX_TOOLS} tools`, {
    maxItems: MAX_TOOLS,
    items: Tool,
  }),
  tool_choice: Type.Optional(Type.Unknown()),
  parallel_tool_calls: flag(),
  reasoning: optional<{ effort?: (typeof REASONING_EFFORTS)[number] | null }>('object', 'an object', {
    properties: {
      effort: optional('string', `one of ${REASONING_EFFORTS.join(', ')}`, {
        enum: [...REASONING_EFFORTS, null],
      }),
    },
  }),
  text: optional<{ format?: Record<string, unknown> | null }>('object', 'an object', {
    properties: { format: Format },
  }),
  metadata: optional<Record<string, string>>('object', `an object of at most ${MAX_METADATA} strings`, {
    maxProperties: MAX_METADATA,
    additionalProperties: { type: 'string', description: 'a string' },
  }),
  store: flag(),
  stream: flag(),
});
export type ResponsesBody = Static<typeof ResponsesBody>;
