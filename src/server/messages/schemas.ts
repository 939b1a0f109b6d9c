import { type Static, Type } from '@fastify/type-provider-typebox';
import { functionName, MAX_MESSAGES, MAX_TOOLS } from '../chat-schemas.js';
import { Common, flag, MAX_STOP_LENGTH, MAX_STOP_STRINGS, optional } from '../schemas.js';

/** Bodies of `/v1/messages`, in Anthropic's names. Each description completes "<field> must be …"; unknown fields pass. */

const BLOCK_TYPES = ['text', 'thinking', 'redacted_thinking', 'tool_use', 'tool_result'] as const;

const TextBlock = Type.Object(
  {
    type: Type.Literal('text', { description: '"text": other kinds of content are not supported' }),
    text: Type.String({ description: 'a string' }),
  },
  { description: 'an object with type "text" and a string text' },
);

const Text = (description: string) =>
  Type.Unsafe<string | Static<typeof TextBlock>[]>({
    anyOf: [{ type: 'string' }, { type: 'array', items: TextBlock }],
    description,
  });

/** Which fields a block needs is up to its type: to-chat.ts reads them. */
const Block = Type.Object(
  {
    type: Type.Unsafe<(typeof BLOCK_TYPES)[number]>({
      type: 'string',
      enum: BLOCK_TYPES,
      description: `one of ${BLOCK_TYPES.join(', ')}: other kinds of content are not supported`,
    }),
    text: optional<string>('string', 'a string'),
    thinking: optional<string>('string', 'a string'),
    id: optional<string>('string', 'a string'),
    name: optional<string>('string', 'a string'),
    input: optional<Record<string, unknown>>('object', 'an object'),
    tool_use_id: optional<string>('string', 'a string'),
    content: Type.Optional(Text('a string or a list of text blocks')),
    is_error: flag(),
  },
  { description: 'an object with a type' },
);
export type Block = Static<typeof Block>;

const Message = Type.Object(
  {
    role: Type.Unsafe<'user' | 'assistant'>({
      type: 'string',
      enum: ['user', 'assistant'],
      description: 'user or assistant',
    }),
    content: Type.Unsafe<string | Block[]>({
      anyOf: [{ type: 'string' }, { type: 'array', items: Block }],
      description: 'a string or a list of blocks',
    }),
  },
  { description: 'an object with role and content' },
);

const Tool = Type.Object(
  {
    type: optional<string>('string', '"custom": other kinds of tools are not supported', {
      enum: ['custom', null],
    }),
    name: functionName(),
    description: optional<string>('string', 'a string'),
    input_schema: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      description: 'a JSON Schema, an object',
    }),
  },
  { description: 'an object with name and input_schema' },
);

const CHOICES = ['auto', 'any', 'tool', 'none'] as const;

const ToolChoice = optional<{
  type: (typeof CHOICES)[number];
  name?: string | null;
  disable_parallel_tool_use?: boolean | null;
}>('object', `an object with a type: ${CHOICES.join(', ')}`, {
  properties: {
    type: { type: 'string', enum: CHOICES, description: `one of ${CHOICES.join(', ')}` },
    name: optional<string>('string', 'a string'),
    disable_parallel_tool_use: flag(),
  },
  required: ['type'],
});

/** What the prompt is made of: the body of `/v1/messages/count_tokens`. */
const PromptFields = {
  model: Common.model,
  messages: Type.Array(Message, {
    minItems: 1,
    maxItems: MAX_MESSAGES,
    description: `a list of 1 to ${MAX_MESSAGES} messages`,
  }),
  system: Type.Optional(Text('a string or a list of text blocks')),
  tools: optional<Static<typeof Tool>[]>('array', `a list of at most ${MAX_TOOLS} tools`, {
    maxItems: MAX_TOOLS,
    items: Tool,
  }),
  tool_choice: ToolChoice,
  thinking: optional<{ type: 'enabled' | 'disabled' }>('object', 'an object with a type', {
    properties: {
      type: { type: 'string', enum: ['enabled', 'disabled'], description: 'enabled or disabled' },
    },
    required: ['type'],
  }),
};

export const CountBody = Type.Object(PromptFields);
export type CountBody = Static<typeof CountBody>;

export const MessagesBody = Type.Object({
  ...PromptFields,
  max_tokens: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'a positive integer',
  }),
  stop_sequences: optional<string[]>(
    'array',
    `a list of at most ${MAX_STOP_STRINGS} strings of 1 to ${MAX_STOP_LENGTH} characters`,
    {
      maxItems: MAX_STOP_STRINGS,
      items: {
        type: 'string',
        minLength: 1,
        maxLength: MAX_STOP_LENGTH,
        description: `a string of 1 to ${MAX_STOP_LENGTH} characters`,
      },
    },
  ),
  temperature: Common.temperature,
  top_p: Common.top_p,
  top_k: Common.top_k,
  stream: flag(),
});
export type MessagesBody = Static<typeof MessagesBody>;
