import t from 'tap';
import type { ChatRun } from '#halflight/server/chat-run.js';
import type { TextChunk } from '#halflight/server/generation.js';
import { messageEvents, wholeMessage } from '#halflight/server/messages/answer.js';

const usage = {
  prompt_tokens: 10,
  completion_tokens: 4,
  total_tokens: 14,
  prompt_tokens_details: { cached_tokens: 8 },
};
const CHAT = { id: 'msg-1', name: 'fable', run: { usage: () => usage } } as unknown as ChatRun;
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
const CALL = { index: 0, id: 'c1', name: 'look', arguments: '{"at": "sky"}' };
const USAGE = {
  input_tokens: 2,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 8,
  output_tokens: 4,
};

t.test('a message has a block for thoughts, text and each call', async (t) => {
  const answer = { ...NOTHING, reasoning: 'hm', text: 'Hi', calls: [CALL], hasCalls: true };
  t.strictSame(wholeMessage(CHAT, { ...answer, finishReason: 'stop' }), {
    id: 'msg-1',
    type: 'message',
    role: 'assistant',
    model: 'fable',
    content: [
      { type: 'thinking', thinking: 'hm', signature: '' },
      { type: 'text', text: 'Hi' },
      { type: 'tool_use', id: 'c1', name: 'look', input: { at: 'sky' } },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: USAGE,
  });
});

t.test('the reason of the end is told in Anthropic’s words', async (t) => {
  const ended = (more: Partial<TextChunk>) => wholeMessage(CHAT, { ...NOTHING, ...more });
  t.match(ended({ finishReason: 'stop' }), { stop_reason: 'end_turn', stop_sequence: null });
  t.match(ended({ finishReason: 'stop', stopReason: 7 }), { stop_reason: 'end_turn', stop_sequence: null });
  t.match(ended({ finishReason: 'stop', stopReason: 'x' }), {
    stop_reason: 'stop_sequence',
    stop_sequence: 'x',
  });
  t.match(ended({ finishReason: 'length', hasCalls: true }), { stop_reason: 'max_tokens' });
});

async function* source(chunks: readonly Partial<TextChunk>[]): AsyncGenerator<TextChunk> {
  for (const chunk of chunks) yield { ...NOTHING, ...chunk };
}

t.test('a stream opens a block for each kind of text, and closes it before the next', async (t) => {
  const events = [];
  const chunks = [
    { reasoning: 'h' },
    { reasoning: 'm' },
    { text: 'Hi' },
    { calls: [CALL], hasCalls: true, finishReason: 'stop' as const },
  ];
  for await (const event of messageEvents(CHAT, source(chunks))) events.push(event);
  t.strictSame(
    events.map(({ type }) => type),
    [
      'message_start',
      ...['content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_stop'],
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      ...['message_delta', 'message_stop'],
    ],
  );
  t.match(events[0], { message: { id: 'msg-1', content: [], stop_reason: null } });
  t.match(events[3], { index: 0, delta: { type: 'thinking_delta', thinking: 'm' } });
  t.match(events[6], { index: 1, delta: { type: 'text_delta', text: 'Hi' } });
  t.match(events[9], { index: 2, delta: { type: 'input_json_delta', partial_json: CALL.arguments } });
  t.match(events.at(-2), { delta: { stop_reason: 'tool_use' }, usage: USAGE });
});
