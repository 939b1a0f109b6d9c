import type { ToolCall } from '../../text/output/parser.js';
import type { ChatRun } from '../chat-run.js';
import type { TextChunk } from '../generation.js';
import type { Usage } from '../run.js';
import type { TypedEvent } from '../sse.js';

/** A message as Anthropic writes it. */
export function wholeMessage(chat: ChatRun, answer: TextChunk): object {
  const blocks = [
    ...(answer.reasoning === '' ? [] : [{ type: 'thinking', thinking: answer.reasoning, signature: '' }]),
    ...(answer.text === '' ? [] : [{ type: 'text', text: answer.text }]),
    ...answer.calls.map((call) => ({ ...callBlock(call), input: JSON.parse(call.arguments) as unknown })),
  ];
  return { ...envelope(chat), content: blocks, ...ending(answer), usage: describeUsage(chat.run.usage()) };
}

/** The same message, event by event. A block is open until another kind of text begins. */
export async function* messageEvents(
  chat: ChatRun,
  chunks: AsyncIterable<TextChunk>,
): AsyncGenerator<TypedEvent, void, undefined> {
  const start = { ...envelope(chat), content: [], stop_reason: null, stop_sequence: null };
  yield event('message_start', { message: { ...start, usage: describeUsage(chat.run.usage()) } });
  const blocks = new Blocks();
  let last: TextChunk | null = null;
  for await (const chunk of chunks) {
    last = chunk;
    if (chunk.reasoning !== '') yield* blocks.text('thinking', chunk.reasoning);
    if (chunk.text !== '') yield* blocks.text('text', chunk.text);
    for (const call of chunk.calls) yield* blocks.call(call);
  }
  yield* blocks.end();
  if (last === null) return;
  const usage = describeUsage(chat.run.usage());
  yield event('message_delta', { delta: ending(last), usage });
  yield event('message_stop', {});
}

function event(type: string, fields: object): TypedEvent {
  return { type, ...fields };
}

class Blocks {
  #index = -1;
  #open: 'thinking' | 'text' | null = null;

  *text(kind: 'thinking' | 'text', text: string): Generator<TypedEvent> {
    if (this.#open !== kind) {
      yield* this.end();
      this.#open = kind;
      const block = kind === 'text' ? { type: kind, text: '' } : { type: kind, thinking: '', signature: '' };
      yield this.#start(block);
    }
    yield this.#delta(
      kind === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text },
    );
  }

  *call(call: ToolCall): Generator<TypedEvent> {
    yield* this.end();
    yield this.#start({ ...callBlock(call), input: {} });
    yield this.#delta({ type: 'input_json_delta', partial_json: call.arguments });
    yield this.#stop();
  }

  *end(): Generator<TypedEvent> {
    if (this.#open !== null) yield this.#stop();
    this.#open = null;
  }

  #start(block: object): TypedEvent {
    this.#index += 1;
    return event('content_block_start', { index: this.#index, content_block: block });
  }

  #delta(delta: object): TypedEvent {
    return event('content_block_delta', { index: this.#index, delta });
  }

  #stop(): TypedEvent {
    return event('content_block_stop', { index: this.#index });
  }
}

function envelope({ id, name }: ChatRun): object {
  return { id, type: 'message', role: 'assistant', model: name };
}

function callBlock({ id, name }: ToolCall): object {
  return { type: 'tool_use', id, name };
}

function ending({ finishReason, stopReason, hasCalls }: TextChunk): object {
  const isString = typeof stopReason === 'string';
  const byEnd = isString ? 'stop_sequence' : 'end_turn';
  const reason = finishReason === 'length' ? 'max_tokens' : byEnd;
  return {
    stop_reason: hasCalls && finishReason !== 'length' ? 'tool_use' : reason,
    stop_sequence: isString ? stopReason : null,
  };
}

/** Tokens that the prefix cache held count on their own. */
function describeUsage(usage: Usage): object {
  const cached = usage.prompt_tokens_details.cached_tokens;
  return {
    input_tokens: usage.prompt_tokens - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: usage.completion_tokens,
  };
}
