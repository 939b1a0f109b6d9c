import t from 'tap';
import type { ChatBody } from '#halflight/server/chat-schemas.js';
import { chatShape } from '#halflight/server/chat-shape.js';
import type { TextChunk } from '#halflight/server/generation.js';
import { tokenizer } from '../support/server.js';

const EMPTY: TextChunk = {
  text: '',
  reasoning: '',
  calls: [],
  hasCalls: false,
  stopReason: null,
  finishReason: null,
  logprobs: [],
  tokenIds: [],
  promptLogprobs: null,
};
const CALL = { index: 0, id: 'c', name: 'f', arguments: '{"a": 1}' };

function shape(more: Partial<ChatBody> = {}) {
  return chatShape({ messages: [{ role: 'user', content: 'Hi' }], ...more }, [1], { tokenizer });
}

t.test('a message has what there is of content, reasoning and calls', async (t) => {
  t.match(shape().whole(0, { ...EMPTY, text: 'x', finishReason: 'stop' }), {
    message: { role: 'assistant', content: 'x' },
    finish_reason: 'stop',
  });
  t.same(
    Reflect.get(
      shape().whole(0, {
        ...EMPTY,
        reasoning: 'r',
        calls: [CALL],
        hasCalls: true,
        stopReason: null,
        finishReason: 'stop',
      }),
      'message',
    ),
    {
      role: 'assistant',
      content: null,
      reasoning_content: 'r',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }],
    },
  );
});

t.test('an answer that was cut off has not ended with its calls', async (t) => {
  const cut = shape().whole(0, {
    ...EMPTY,
    calls: [CALL],
    hasCalls: true,
    stopReason: null,
    finishReason: 'length',
  });
  t.match(cut, { finish_reason: 'length' });
});

t.test('a call is told of in two chunks, its name first', async (t) => {
  const last = { ...EMPTY, calls: [CALL], hasCalls: true, stopReason: null, finishReason: 'stop' as const };
  t.match(shape().chunks(0, last, true), [
    {
      delta: {
        role: 'assistant',
        tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }],
      },
      finish_reason: null,
    },
    {
      delta: { tool_calls: [{ index: 0, function: { arguments: '{"a": 1}' } }] },
      finish_reason: 'tool_calls',
    },
  ]);
});

t.test('reasoning is told of in its own field, or not at all', async (t) => {
  const chunk = { ...EMPTY, reasoning: 'r' };
  t.same(Reflect.get(shape().chunks(0, chunk, false)[0] ?? {}, 'delta'), { reasoning_content: 'r' });
  const [hidden = {}] = shape({ include_reasoning: false }).chunks(0, chunk, false);
  t.same(Reflect.get(hidden, 'delta'), { content: '' });
});

t.test('an echo stands before the answer to an assistant’s message', async (t) => {
  const messages = [{ role: 'assistant' as const, content: 'Once' }];
  const echoed = shape({ echo: true, messages });
  t.match(echoed.whole(0, { ...EMPTY, text: ' upon' }), { message: { content: 'Once upon' } });
  t.match(echoed.chunks(0, { ...EMPTY, text: ' upon' }, true), [{ delta: { content: 'Once upon' } }]);
  t.match(echoed.chunks(0, { ...EMPTY, text: ' a' }, false), [{ delta: { content: ' a' } }]);
  t.match(shape({ echo: true }).whole(0, { ...EMPTY, text: 'x' }), { message: { content: 'x' } });
});
