import t from 'tap';
import type { ChatRun } from '#halflight/server/chat-run.js';
import type { TextChunk } from '#halflight/server/generation.js';
import { responseEvents, wholeResponse } from '#halflight/server/responses/answer.js';

const usage = {
  prompt_tokens: 10,
  completion_tokens: 4,
  total_tokens: 14,
  prompt_tokens_details: { cached_tokens: 8 },
};
const CHAT = { id: 'resp-1', name: 'fable', created: 7, run: { usage: () => usage } } as unknown as ChatRun;
const NOTHING: TextChunk = {
  text: '',
  reasoning: '',
  calls: [],
  hasCalls: false,
  finishReason: null,
  stopReason: null,
  logprobs: [],
  tokenIds: [],
  promptLogprobs: null,
};
const CALL = { index: 0, id: 'c1', name: 'look', arguments: '{}' };
const BODY = { input: 'Hi' };
const OUTPUT = [
  { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'hm' }] },
  { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] },
  { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
];

t.test('a response has an item for thoughts, text and each call', async (t) => {
  const answer: TextChunk = { ...NOTHING, reasoning: 'hm', text: 'Hi', calls: [CALL], finishReason: 'stop' };
  t.match(wholeResponse(BODY, CHAT, answer), {
    id: 'resp-1',
    object: 'response',
    status: 'completed',
    incomplete_details: null,
    output: OUTPUT,
  });
});

t.test('one that reached the limit is incomplete', async (t) => {
  t.match(wholeResponse(BODY, CHAT, { ...NOTHING, text: 'Hi', finishReason: 'length' }), {
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output: [{ status: 'incomplete' }],
  });
});

async function* source(chunks: readonly Partial<TextChunk>[]): AsyncGenerator<TextChunk> {
  for (const chunk of chunks) yield { ...NOTHING, ...chunk };
}

t.test('a stream opens and closes each item, and ends with the whole response', async (t) => {
  const events = [];
  const chunks: Partial<TextChunk>[] = [
    { reasoning: 'h' },
    { reasoning: 'm' },
    { text: 'H' },
    { text: 'i' },
    { calls: [CALL], hasCalls: true, finishReason: 'stop' },
  ];
  for await (const event of responseEvents(BODY, CHAT, source(chunks))) events.push(event);
  t.strictSame(
    events.map(({ type }) => type.replace('response.', '')),
    [
      ...['created', 'in_progress'],
      ...['output_item.added', 'content_part.added', 'reasoning_text.delta', 'reasoning_text.delta'],
      ...['reasoning_text.done', 'content_part.done', 'output_item.done'],
      ...['output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta'],
      ...['output_text.done', 'content_part.done', 'output_item.done'],
      ...['output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done'],
      ...['output_item.done', 'completed'],
    ],
  );
  t.strictSame(
    events.map((event) => Reflect.get(event, 'sequence_number')),
    events.map((_, i) => i),
  );
  t.match(events[11], { output_index: 1, content_index: 0, delta: 'H' });
  t.match(events.at(-1), { response: { status: 'completed', output: OUTPUT } });
});
