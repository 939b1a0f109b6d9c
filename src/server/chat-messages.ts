import { ApiError } from '../errors.js';
import type { ChatMessage } from '../text/chat-template.js';
import { isJson } from '../text/output/json-extent.js';
import type { PromptBody } from './chat-schemas.js';

type Message = PromptBody['messages'][number];
type ToolCall = NonNullable<Message['tool_calls']>[number];

/**
 * Messages as templates read them: content is one string, arguments of calls are objects.
 * @throws ApiError where a message that needs content has none, or arguments are no JSON object
 */
export function chatMessages({ messages }: Pick<PromptBody, 'messages'>): ChatMessage[] {
  return messages.map((message, i) => {
    const content = joinContent(message.content ?? null);
    if (content === null && message.role !== 'assistant') {
      const param = `messages[${i}].content`;
      throw new ApiError('invalid_value', `${param} must be a string or a list of text parts.`, param);
    }
    return { ...withoutNulls(message), role: message.role, content: content ?? '', ...calls(message, i) };
  });
}

/** Templates ask whether a field is there, not whether it is null. */
function withoutNulls(message: Message): Partial<Message> {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
}

/** Text parts stand on lines of their own, as with vLLM. */
export function joinContent(content: Message['content'] | null): string | null {
  if (content === null || content === undefined || typeof content === 'string') return content ?? null;
  return content.map((part) => part.text).join('\n');
}

function calls({ tool_calls }: Message, index: number): { tool_calls?: readonly object[] } {
  if (tool_calls === undefined || tool_calls === null || tool_calls.length === 0) return {};
  return { tool_calls: tool_calls.map((call, i) => readCall(call, `messages[${index}].tool_calls[${i}]`)) };
}

function readCall(call: ToolCall, where: string): object {
  const read = readArguments(call.function.arguments, `${where}.function.arguments`);
  return { ...call, type: 'function', function: { ...call.function, arguments: read } };
}

/** The object that a call's arguments are; empty where they are absent. @throws ApiError naming `param` where they are none */
export function readArguments(given: string | null | undefined, param: string): unknown {
  const text = given?.trim() || '{}';
  if (text.startsWith('{') && isJson(text)) return JSON.parse(text) as unknown;
  throw new ApiError('invalid_value', `${param} must be a string that holds a JSON object.`, param);
}
