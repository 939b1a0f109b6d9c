import { ApiError } from '../../errors.js';
import type { ChatBody } from '../chat-schemas.js';
import { refuseUnsupported } from '../unsupported.js';
import type { Block, CountBody, MessagesBody } from './schemas.js';

type ChatMessage = ChatBody['messages'][number];

/** Parameters of Anthropic that would change the answer. */
const UNSUPPORTED = [
  { name: 'mcp_servers', neutral: [[]] },
  { name: 'container', neutral: [] },
  { name: 'context_management', neutral: [] },
  { name: 'output_config', neutral: [{}] },
  { name: 'output_format', neutral: [] },
];

/** The request as a chat. @throws ApiError where it asks for what is not done here, or a block lacks a field */
export function toChat(body: MessagesBody): ChatBody {
  return {
    ...promptOf(body),
    max_tokens: body.max_tokens,
    stop: body.stop_sequences ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    top_k: body.top_k ?? null,
    parallel_tool_calls: body.tool_choice?.disable_parallel_tool_use !== true,
  };
}

/** The part of it that the prompt is made of. @throws ApiError as above */
export function promptOf(body: CountBody): ChatBody {
  refuseUnsupported(body, UNSUPPORTED);
  const system = textOf(body.system ?? '');
  const messages = body.messages.flatMap(({ role, content }, i) => {
    const blocks: readonly Block[] =
      typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const where = `messages[${i}].content`;
    return role === 'user' ? userMessages(blocks, where) : [assistantMessage(blocks, where)];
  });
  return {
    model: body.model ?? null,
    messages: system === '' ? messages : [{ role: 'system', content: system }, ...messages],
    ...toolsOf(body),
    ...effortOf(body),
  };
}

/** What a caller's text blocks say, each on lines of its own. */
function textOf(content: NonNullable<CountBody['system']>): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}

/** Results of calls are messages of their own, in their place among the texts. */
function userMessages(blocks: readonly Block[], where: string): ChatMessage[] {
  const messages: ChatMessage[] = [];
  let texts: string[] = [];
  const flush = () => {
    if (texts.length > 0) messages.push({ role: 'user', content: texts.join('\n') });
    texts = [];
  };
  for (const [i, block] of blocks.entries()) {
    const path = `${where}[${i}]`;
    if (block.type === 'text') texts.push(field(block, 'text', path));
    else if (block.type === 'tool_result') {
      flush();
      messages.push({
        role: 'tool',
        tool_call_id: field(block, 'tool_use_id', path),
        content: textOf(block.content ?? ''),
      });
    } else throw misplaced(block.type, 'assistant', path);
  }
  flush();
  if (messages.length === 0) messages.push({ role: 'user', content: '' });
  return messages;
}

function assistantMessage(blocks: readonly Block[], where: string): ChatMessage {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: NonNullable<ChatMessage['tool_calls']> = [];
  for (const [i, block] of blocks.entries()) {
    const path = `${where}[${i}]`;
    if (block.type === 'tool_result') throw misplaced(block.type, 'user', path);
    if (block.type === 'text') texts.push(field(block, 'text', path));
    if (block.type === 'thinking') thoughts.push(field(block, 'thinking', path));
    if (block.type === 'tool_use') calls.push(callOf(block, path));
  }
  return {
    role: 'assistant',
    content: texts.join('\n'),
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join('\n') }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function callOf(block: Block, path: string): NonNullable<ChatMessage['tool_calls']>[number] {
  const name = field(block, 'name', path);
  return {
    id: field(block, 'id', path),
    type: 'function',
    function: { name, arguments: JSON.stringify(block.input ?? {}) },
  };
}

function field(
  block: Block,
  name: 'text' | 'thinking' | 'id' | 'name' | 'tool_use_id',
  path: string,
): string {
  const value = block[name] ?? null;
  if (value !== null) return value;
  throw new ApiError(
    'invalid_value',
    `${path}.${name} is required in a block ${block.type}.`,
    `${path}.${name}`,
  );
}

function misplaced(type: string, role: string, path: string): ApiError {
  return new ApiError(
    'invalid_value',
    `${path}.type may be ${type} only in a message of the ${role}.`,
    `${path}.type`,
  );
}

const CHOICES = { auto: 'auto', any: 'required', none: 'none' } as const;

function toolsOf({ tools, tool_choice }: CountBody): Pick<ChatBody, 'tools' | 'tool_choice'> {
  const functions = (tools ?? []).map(({ name, description, input_schema }) => ({
    type: 'function' as const,
    function: { name, description: description ?? null, parameters: input_schema },
  }));
  const choice = tool_choice ?? null;
  if (choice === null) return { tools: functions };
  if (choice.type !== 'tool') return { tools: functions, tool_choice: CHOICES[choice.type] };
  const name = choice.name ?? null;
  if (name === null) throw new ApiError('invalid_value', 'tool_choice.name is required.', 'tool_choice.name');
  return { tools: functions, tool_choice: { type: 'function', function: { name } } };
}

/** Whether a model thinks is up to its template; for how long, to the model. */
function effortOf({ thinking }: CountBody): Pick<ChatBody, 'reasoning_effort'> {
  if ((thinking ?? null) === null) return {};
  if (thinking?.type === 'disabled') return { reasoning_effort: 'none' };
  const message = 'thinking: a budget cannot be set; leave it out, and models that think do.';
  throw new ApiError('unsupported_parameter', message, 'thinking');
}
