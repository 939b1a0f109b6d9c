import { type Static, Type } from '@fastify/type-provider-typebox';
import { Common, count, flag, numLogprobs, optional } from './schemas.js';

/** Body of a chat. Each description completes "<field> must be …"; unknown fields pass. Defaults are in params.ts. */

export const MAX_MESSAGES = 4096;
export const MAX_TOOLS = 128;
const MAX_DOCUMENTS = 1024;
const MAX_KWARGS = 64;
const MAX_TEMPLATE_LENGTH = 65_536;
const FUNCTION_NAME = '^[a-zA-Z0-9_-]{1,64}$';
export const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;

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

export const functionName = () =>
  Type.String({ pattern: FUNCTION_NAME, description: '1 to 64 letters, digits, _ and -' });

/** A call of an earlier answer; names that this server's models wrote may have a dot. */
const ToolCallMessage = Type.Object(
  {
    id: optional<string>('string', 'a string'),
    type: optional<string>('string', '"function"', { enum: ['function', null] }),
    function: Type.Object(
      {
        name: Type.String({ pattern: '^[\\w.-]{1,64}$', description: '1 to 64 letters, digits, _, . and -' }),
        arguments: optional<string>('string', 'a string that holds a JSON object'),
      },
      { description: 'an object with name and arguments' },
    ),
  },
  { description: 'an object with id, type "function" and function' },
);

const Message = Type.Object(
  {
    role: Type.Unsafe<(typeof ROLES)[number]>({
      type: 'string',
      enum: ROLES,
      description: `one of ${ROLES.join(', ')}`,
    }),
    content: Type.Optional(Content),
    tool_calls: optional<Static<typeof ToolCallMessage>[]>('array', `a list of at most ${MAX_TOOLS} calls`, {
      maxItems: MAX_TOOLS,
      items: ToolCallMessage,
    }),
    tool_call_id: optional<string>('string', 'a string'),
    reasoning_content: optional<string>('string', 'a string'),
  },
  { description: 'an object with role and content' },
);

const Tool = Type.Object(
  {
    type: Type.Literal('function', { description: '"function": other kinds of tools are not supported' }),
    function: Type.Object(
      {
        name: functionName(),
        description: optional<string>('string', 'a string'),
        parameters: optional<Record<string, unknown>>('object', 'a JSON Schema, an object'),
        strict: flag(),
      },
      { description: 'an object with name and parameters' },
    ),
  },
  { description: 'an object with type "function" and function' },
);
export type Tool = Static<typeof Tool>;

/** What a chat's prompt is made of. `tool_choice` has two shapes, so tools.ts reads it. */
const PromptFields = {
  messages: Type.Array(Message, {
    minItems: 1,
    maxItems: MAX_MESSAGES,
    description: `a list of 1 to ${MAX_MESSAGES} messages`,
  }),
  tools: optional<Tool[]>('array', `a list of at most ${MAX_TOOLS} tools`, {
    maxItems: MAX_TOOLS,
    items: Tool,
  }),
  tool_choice: Type.Optional(Type.Unknown()),
  reasoning_effort: optional<(typeof REASONING_EFFORTS)[number]>(
    'string',
    `one of ${REASONING_EFFORTS.join(', ')}`,
    { enum: [...REASONING_EFFORTS, null] },
  ),
  chat_template: optional<string>('string', `a string of at most ${MAX_TEMPLATE_LENGTH} characters`, {
    maxLength: MAX_TEMPLATE_LENGTH,
  }),
  chat_template_kwargs: optional<Record<string, unknown>>(
    'object',
    `an object of at most ${MAX_KWARGS} variables`,
    { maxProperties: MAX_KWARGS },
  ),
  documents: optional<object[]>('array', `a list of at most ${MAX_DOCUMENTS} objects`, {
    maxItems: MAX_DOCUMENTS,
    items: { type: 'object', description: 'an object' },
  }),
  add_generation_prompt: flag(),
  continue_final_message: flag(),
  add_special_tokens: flag(),
};

export const ChatBody = Type.Object({
  ...Common,
  ...PromptFields,
  max_tokens: count('a positive integer'),
  max_completion_tokens: count('a positive integer'),
  logprobs: flag(),
  top_logprobs: numLogprobs(),
  parallel_tool_calls: flag(),
  include_reasoning: flag(),
  echo: flag(),
});
export type ChatBody = Static<typeof ChatBody>;

/** Body of a request for the prompt alone. */
export const PromptBody = Type.Object({ model: Common.model, ...PromptFields });
export type PromptBody = Static<typeof PromptBody>;
