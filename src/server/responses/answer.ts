import type { ToolCall } from '../../text/output/parser.js';
import { joinChunks } from '../answer.js';
import type { ChatRun } from '../chat-run.js';
import type { TextChunk } from '../generation.js';
import type { TypedEvent } from '../sse.js';
import {
  callItem,
  messageItem,
  newId,
  outputText,
  reasoningItem,
  reasoningText,
  responseObject,
} from './objects.js';
import type { ResponsesBody } from './schemas.js';

/** A whole answer. */
export function wholeResponse(body: ResponsesBody, chat: ChatRun, answer: TextChunk): object {
  const output = [
    ...(answer.reasoning === '' ? [] : [reasoningItem(newId('rs'), answer.reasoning, 'completed')]),
    ...(answer.text === '' ? [] : [messageItem(newId('msg'), answer.text, statusOf(answer))]),
    ...answer.calls.map((call) => callItem(newId('fc'), call, 'completed')),
  ];
  return responseObject(body, chat, { status: statusOf(answer), output });
}

function statusOf({ finishReason }: TextChunk): 'completed' | 'incomplete' {
  return finishReason === 'length' ? 'incomplete' : 'completed';
}

/** The same answer, event by event. */
export async function* responseEvents(
  body: ResponsesBody,
  chat: ChatRun,
  chunks: AsyncIterable<TextChunk>,
): AsyncGenerator<TypedEvent, void, undefined> {
  const items = new OutputItems();
  const begun = responseObject(body, chat, { status: 'in_progress', output: [] });
  yield items.event('response.created', { response: begun });
  yield items.event('response.in_progress', { response: begun });
  const seen: TextChunk[] = [];
  for await (const chunk of chunks) {
    seen.push(chunk);
    if (chunk.reasoning !== '') yield* items.text('reasoning', chunk.reasoning);
    if (chunk.text !== '') yield* items.text('message', chunk.text);
    for (const call of chunk.calls) yield* items.call(call);
  }
  const status = statusOf(joinChunks(seen.slice(-1)));
  yield* items.close(status);
  const response = responseObject(body, chat, { status, output: items.done });
  yield items.event(`response.${status}`, { response });
}

interface OpenItem {
  readonly kind: 'reasoning' | 'message';
  readonly id: string;
  text: string;
}

/** How texts of an item are told: the names of its events, and the item itself. */
const KINDS = {
  message: { prefix: 'msg', delta: 'response.output_text', item: messageItem, part: outputText },
  reasoning: { prefix: 'rs', delta: 'response.reasoning_text', item: reasoningItem, part: reasoningText },
} as const;

/** The items of an answer, one open at a time, and the numbers of their events. */
class OutputItems {
  readonly done: object[] = [];
  #open: OpenItem | null = null;
  #sequence = 0;

  event(type: string, fields: object): TypedEvent {
    return { type, ...{ sequence_number: this.#sequence++ }, ...fields };
  }

  *text(kind: 'reasoning' | 'message', text: string): Generator<TypedEvent> {
    if (this.#open?.kind !== kind) {
      yield* this.close('completed');
      yield* this.#begin(kind);
    }
    if (this.#open === null) return;
    this.#open.text += text;
    const logprobs = kind === 'message' ? { logprobs: [] } : {};
    yield this.event(`${KINDS[kind].delta}.delta`, { ...this.#place(), delta: text, ...logprobs });
  }

  *call(call: ToolCall): Generator<TypedEvent> {
    yield* this.close('completed');
    const id = newId('fc');
    const output_index = this.done.length;
    const empty = callItem(id, { ...call, arguments: '' }, 'in_progress');
    yield this.event('response.output_item.added', { output_index, item: empty });
    const place = { item_id: id, output_index };
    const { arguments: text, name } = call;
    yield this.event('response.function_call_arguments.delta', { ...place, delta: text });
    yield this.event('response.function_call_arguments.done', { ...place, name, arguments: text });
    yield* this.#finish(callItem(id, call, 'completed'));
  }

  *close(status: 'completed' | 'incomplete'): Generator<TypedEvent> {
    if (this.#open === null) return;
    const { kind, id, text } = this.#open;
    const place = this.#place();
    const logprobs = kind === 'message' ? { logprobs: [] } : {};
    yield this.event(`${KINDS[kind].delta}.done`, { ...place, text, ...logprobs });
    yield this.event('response.content_part.done', { ...place, part: KINDS[kind].part(text) });
    this.#open = null;
    yield* this.#finish(KINDS[kind].item(id, text, status));
  }

  *#begin(kind: 'reasoning' | 'message'): Generator<TypedEvent> {
    const id = newId(KINDS[kind].prefix);
    this.#open = { kind, id, text: '' };
    const item = KINDS[kind].item(id, '', 'in_progress');
    yield this.event('response.output_item.added', { output_index: this.done.length, item });
    yield this.event('response.content_part.added', { ...this.#place(), part: KINDS[kind].part('') });
  }

  *#finish(item: object): Generator<TypedEvent> {
    yield this.event('response.output_item.done', { output_index: this.done.length, item });
    this.done.push(item);
  }

  #place(): object {
    return { item_id: this.#open?.id, output_index: this.done.length, content_index: 0 };
  }
}
