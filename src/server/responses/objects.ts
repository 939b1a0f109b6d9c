import { randomUUID } from 'node:crypto';
import type { ToolCall } from '../../text/output/parser.js';
import type { ChatRun } from '../chat-run.js';
import type { Usage } from '../run.js';
import type { ResponsesBody } from './schemas.js';

/** The objects of `/v1/responses`, with all the keys that OpenAI's have. */

export type Status = 'in_progress' | 'completed' | 'incomplete';

export function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`;
}

export function outputText(text: string): object {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

export function reasoningText(text: string): object {
  return { type: 'reasoning_text', text };
}

/** An item without text yet has no parts. */
export function messageItem(id: string, text: string, status: Status): object {
  return { id, type: 'message', status, role: 'assistant', content: text === '' ? [] : [outputText(text)] };
}

export function reasoningItem(id: string, text: string, status: Status): object {
  const content = text === '' ? [] : [reasoningText(text)];
  return { id, type: 'reasoning', status, summary: [], content };
}

export function callItem(
  id: string,
  call: Pick<ToolCall, 'id' | 'name' | 'arguments'>,
  status: Status,
): object {
  return { id, type: 'function_call', status, call_id: call.id, name: call.name, arguments: call.arguments };
}

/** @param state.status before the end has no usage yet */
export function responseObject(
  body: ResponsesBody,
  { id, name, created, run }: ChatRun,
  { status, output }: { readonly status: Status; readonly output: readonly object[] },
): object {
  return {
    id,
    object: 'response',
    created_at: created,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: name,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
    store: false,
    temperature: body.temperature ?? 1,
    text: { format: body.text?.format ?? { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    truncation: 'disabled',
    usage: status === 'in_progress' ? null : describeUsage(run.usage()),
    metadata: body.metadata ?? {},
  };
}

/** How many tokens a model thought with is not counted on its own. */
function describeUsage(usage: Usage): object {
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: usage.prompt_tokens_details,
    output_tokens: usage.completion_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: usage.total_tokens,
  };
}
