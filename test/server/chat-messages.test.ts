import t from 'tap';
import { chatMessages } from '#halflight/server/chat-messages.js';
import type { ChatBody } from '#halflight/server/chat-schemas.js';

const read = (...messages: ChatBody['messages']) => chatMessages({ messages });

t.test('content is one string, and an assistant may have none', async (t) => {
  const parts = ['a', 'b'].map((text) => ({ type: 'text' as const, text }));
  t.same(read({ role: 'user', content: parts }, { role: 'assistant', content: null }), [
    { role: 'user', content: 'a\nb' },
    { role: 'assistant', content: '' },
  ]);
  t.throws(() => read({ role: 'user', content: null }), {
    code: 'invalid_value',
    param: 'messages[0].content',
  });
});

t.test('arguments of calls are objects, absent ones empty', async (t) => {
  const call = (text: string | null) => ({ id: 'c', function: { name: 'f', arguments: text } });
  const [message] = read({
    role: 'assistant',
    content: null,
    tool_calls: [call('{"a": [1]}'), call(null), call('')],
  });
  t.match(message, {
    content: '',
    tool_calls: [
      { type: 'function', function: { arguments: { a: [1] } } },
      {},
      { function: { arguments: {} } },
    ],
  });
  for (const text of ['{', '[]', '1', 'null', '{"a": 1', `{"a": ${'['.repeat(100)}${']'.repeat(100)}}`]) {
    t.throws(() => read({ role: 'assistant', tool_calls: [call(text)] }), {
      code: 'invalid_value',
      param: 'messages[0].tool_calls[0].function.arguments',
    });
  }
});

t.test('null counts as absent; fields that are not known are the template’s', async (t) => {
  const message = {
    role: 'assistant' as const,
    content: 'x',
    tool_calls: null,
    reasoning_content: 'y',
    other: 1,
  };
  t.same(read(message), [{ role: 'assistant', content: 'x', reasoning_content: 'y', other: 1 }]);
});

t.test('makes one string of a message’s parts and keeps its other fields', (t) => {
  const part = (text: string) => ({ type: 'text' as const, text });
  const message = { role: 'user' as const, content: [part('a'), part(''), part('b')], name: 'n' };
  t.same(chatMessages({ messages: [message] }), [{ role: 'user', content: 'a\n\nb', name: 'n' }]);
  t.end();
});

t.test('asks everyone but the assistant for content', (t) => {
  t.same(chatMessages({ messages: [{ role: 'assistant' }] }), [{ role: 'assistant', content: '' }]);
  t.same(chatMessages({ messages: [{ role: 'user', content: '' }] }), [{ role: 'user', content: '' }]);
  const missing = [
    { role: 'user' as const, content: 'a' },
    { role: 'tool' as const, content: null },
  ];
  t.throws(() => chatMessages({ messages: missing }), {
    code: 'invalid_value',
    param: 'messages[1].content',
  });
  t.end();
});
