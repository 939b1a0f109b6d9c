import t from 'tap';
import type { MessagesBody } from '#halflight/server/messages/schemas.js';
import { promptOf, toChat } from '#halflight/server/messages/to-chat.js';

const user = { role: 'user' as const, content: 'Hi' };
const body = (more: Partial<MessagesBody>): MessagesBody => ({ max_tokens: 9, messages: [user], ...more });
const messagesOf = (messages: MessagesBody['messages']) => promptOf({ messages }).messages;

t.test('sampling keeps its meaning under the names of a chat', async (t) => {
  const chat = toChat(body({ stop_sequences: ['x'], temperature: 0.5, top_p: 0.9, top_k: 4 }));
  t.match(chat, {
    max_tokens: 9,
    stop: ['x'],
    temperature: 0.5,
    top_p: 0.9,
    top_k: 4,
    parallel_tool_calls: true,
  });
  t.strictSame(chat.messages, [user]);
});

t.test('system comes first, its blocks on lines of their own', async (t) => {
  const system = [
    { type: 'text' as const, text: 'a' },
    { type: 'text' as const, text: 'b' },
  ];
  t.strictSame(promptOf(body({ system })).messages, [{ role: 'system', content: 'a\nb' }, user]);
});

t.test('calls and thoughts of the assistant, and results of the user, are those of a chat', async (t) => {
  const chat = messagesOf([
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm' },
        { type: 'text', text: 'I look.' },
        { type: 'tool_use', id: 'c1', name: 'look', input: { at: 'sky' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: 'blue' }] },
        { type: 'text', text: 'And?' },
      ],
    },
  ]);
  const call = { id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":"sky"}' } };
  t.strictSame(chat, [
    { role: 'assistant', content: 'I look.', reasoning_content: 'hm', tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c1', content: 'blue' },
    { role: 'user', content: 'And?' },
  ]);
});

t.test('choices of tools are those of a chat', async (t) => {
  const tools = [{ name: 'look', input_schema: { type: 'object' } }];
  const choiceOf = (tool_choice: NonNullable<MessagesBody['tool_choice']>) =>
    promptOf(body({ tools, tool_choice })).tool_choice;
  t.equal(choiceOf({ type: 'auto' }), 'auto');
  t.equal(choiceOf({ type: 'any' }), 'required');
  t.equal(choiceOf({ type: 'none' }), 'none');
  t.strictSame(choiceOf({ type: 'tool', name: 'look' }), { type: 'function', function: { name: 'look' } });
  t.throws(() => choiceOf({ type: 'tool' }), { message: /tool_choice.name is required/ });
  const single = toChat(body({ tools, tool_choice: { type: 'auto', disable_parallel_tool_use: true } }));
  t.equal(single.parallel_tool_calls, false);
  const [tool] = single.tools ?? [];
  t.strictSame(tool?.function, { name: 'look', description: null, parameters: { type: 'object' } });
});

t.test('a block that is incomplete or in the wrong place is named', async (t) => {
  const refused = (role: 'user' | 'assistant', block: object, param: string) =>
    t.throws(() => messagesOf([{ role, content: [block as { type: 'text' }] }]), {
      code: 'invalid_value',
      param,
    });
  refused('user', { type: 'text' }, 'messages[0].content[0].text');
  refused('user', { type: 'tool_result', content: 'x' }, 'messages[0].content[0].tool_use_id');
  refused('user', { type: 'tool_use', id: 'a', name: 'b' }, 'messages[0].content[0].type');
  refused('assistant', { type: 'tool_result', tool_use_id: 'a' }, 'messages[0].content[0].type');
  refused('assistant', { type: 'tool_use', id: 'a' }, 'messages[0].content[0].name');
});

t.test('what would change the answer and is not done here is refused', async (t) => {
  const asked = { mcp_servers: [{}], container: 'x', output_config: { effort: 'low' } };
  for (const [param, value] of Object.entries(asked)) {
    const refused = { code: 'unsupported_parameter', param };
    t.throws(() => promptOf({ ...body({}), ...{ [param]: value } }), refused);
  }
  t.doesNotThrow(() => promptOf({ ...body({}), ...{ mcp_servers: [], output_config: {}, metadata: {} } }));
});

t.test('thinking can be turned off, but has no budget', async (t) => {
  t.equal(promptOf(body({ thinking: { type: 'disabled' } })).reasoning_effort, 'none');
  t.throws(() => promptOf(body({ thinking: { type: 'enabled' } })), {
    code: 'unsupported_parameter',
    param: 'thinking',
  });
});
