import { ApiError } from '../../errors.js';
import { readArguments } from '../chat-messages.js';
import type { ChatBody } from '../chat-schemas.js';
import { refuseUnsupported } from '../unsupported.js';
import type { Item, ResponsesBody } from './schemas.js';

type ChatMessage = ChatBody['messages'][number];

/** Nothing is kept of an answer, so nothing can be asked of an earlier one. */
const UNSUPPORTED = [
  { name: 'store', neutral: [false] },
  { name: 'previous_response_id', neutral: [] },
  { name: 'conversation', neutral: [] },
  { name: 'background', neutral: [false] },
  { name: 'prompt', neutral: [] },
  { name: 'include', neutral: [[]] },
  { name: 'truncation', neutral: ['disabled'] },
  { name: 'max_tool_calls', neutral: [] },
  { name: 'top_logprobs', neutral: [0] },
  { name: 'reasoning.summary', neutral: ['auto'] },
  { name: 'text.verbosity', neutral: ['medium'] },
  { name: 'stream_options', neutral: [{}] },
];

/** The request as a chat. @throws ApiError where it asks for what is not kept here, or an item lacks a field */
export function toChat(body: ResponsesBody): ChatBody {
  refuseUnsupported(body, UNSUPPORTED);
  const instructions = body.instructions ?? '';
  const head: ChatMessage[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  return {
    model: body.model ?? null,
    messages: [...head, ...messagesOf(body.input)],
    max_tokens: body.max_output_tokens ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    reasoning_effort: body.reasoning?.effort ?? null,
    parallel_tool_calls: body.parallel_tool_calls ?? null,
    ...toolsOf(body),
    ...formatOf(body),
  };
}

function messagesOf(input: ResponsesBody['input']): ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  return input.map(messageOf).reduce<ChatMessage[]>(join, []);
}

/** What the model thought, said and called in one turn is one message of a chat. */
function join(messages: ChatMessage[], next: ChatMessage): ChatMessage[] {
  const last = messages.at(-1);
  const goesOn = last?.role === 'assistant' && next.role === 'assistant' && !hasText(next, last);
  if (!goesOn) return [...messages, next];
  const calls = [...(last.tool_calls ?? []), ...(next.tool_calls ?? [])];
  const thoughts = [last.reasoning_content, next.reasoning_content].filter((one) => typeof one === 'string');
  const joined: ChatMessage = {
    role: 'assistant',
    content: last.content === '' ? next.content : last.content,
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join('\n') }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return [...messages.slice(0, -1), joined];
}

function hasText(...messages: readonly ChatMessage[]): boolean {
  return messages.every(({ content }) => content !== '');
}

function messageOf(item: Item, index: number): ChatMessage {
  const where = `input[${index}]`;
  switch (item.type ?? 'message') {
    case 'function_call':
      return { role: 'assistant', content: '', tool_calls: [callOf(item, where)] };
    case 'function_call_output':
      return {
        role: 'tool',
        tool_call_id: required(item, 'call_id', where),
        content: textOf(item.output ?? null, `${where}.output`),
      };
    case 'reasoning':
      return { role: 'assistant', content: '', reasoning_content: thoughtsOf(item.content) };
    default:
      return { role: required(item, 'role', where), content: textOf(item.content, `${where}.content`) };
  }
}

function callOf(item: Item, where: string): NonNullable<ChatMessage['tool_calls']>[number] {
  readArguments(item.arguments, `${where}.arguments`);
  return {
    id: required(item, 'call_id', where),
    type: 'function',
    function: { name: required(item, 'name', where), arguments: item.arguments ?? null },
  };
}

function required<K extends 'role' | 'call_id' | 'name'>(
  item: Item,
  key: K,
  where: string,
): NonNullable<Item[K]> {
  const value: Item[K] = item[key];
  if (value !== undefined && value !== null) return value;
  throw new ApiError('invalid_value', `${where}.${key} is required.`, `${where}.${key}`);
}

const TEXT_TYPES: ReadonlySet<unknown> = new Set(['input_text', 'output_text', 'text']);

function textOf(content: unknown, param: string): string {
  if (typeof content === 'string') return content;
  const parts: unknown[] = Array.isArray(content) ? content : [null];
  const texts = parts.map((part) => {
    const { type, text } = Object(part) as Record<string, unknown>;
    return TEXT_TYPES.has(type) && typeof text === 'string' ? text : null;
  });
  if (texts.includes(null)) {
    const allowed = 'a string or a list of {"type": "input_text" or "output_text", "text": …}';
    throw new ApiError('invalid_value', `${param} must be ${allowed}.`, param);
  }
  return texts.join('\n');
}

function thoughtsOf(content: unknown): string {
  const parts: unknown[] = Array.isArray(content) ? content : [];
  return parts.map((part) => String((Object(part) as Record<string, unknown>).text ?? '')).join('\n');
}

function toolsOf({ tools, tool_choice }: ResponsesBody): Pick<ChatBody, 'tools' | 'tool_choice'> {
  const functions = (tools ?? []).map(({ name, description, parameters }) => ({
    type: 'function' as const,
    function: { name, description: description ?? null, parameters: parameters ?? null },
  }));
  const { type, name } = Object(tool_choice) as Record<string, unknown>;
  const choice = type === 'function' ? { type, function: { name } } : tool_choice;
  return { tools: functions, ...(choice === undefined ? {} : { tool_choice: choice }) };
}

/** A schema stands beside its type here, and in an object of its own in a chat. */
function formatOf({ text }: ResponsesBody): object {
  const format = text?.format ?? null;
  if (format === null || format.type !== 'json_schema') return { response_format: format };
  const { type, ...schema } = format;
  return { response_format: { type, json_schema: schema } };
}
