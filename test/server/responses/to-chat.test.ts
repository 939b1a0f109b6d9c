import t from 'tap';
import type { ResponsesBody } from '#halflight/server/responses/schemas.js';
import { toChat } from '#halflight/server/responses/to-chat.js';

const chat = (body: Partial<ResponsesBody> & Record<string, unknown>) => toChat({ input: 'Hi', ...body });

t.test('a text is a message of the user, behind the instructions', async (t) => {
  t.strictSame(chat({}).messages, [{ role: 'user', content: 'Hi' }]);
  t.strictSame(chat({ instructions: 'Be brief.' }).messages[0], { role: 'system', content: 'Be brief.' });
});

t.test('sampling keeps its meaning under the names of a chat', async (t) => {
  const body = { max_output_tokens: 9, temperature: 0.5, top_p: 0.9, reasoning: { effort: 'low' as const } };
  t.match(chat({ ...body, parallel_tool_calls: false }), {
    max_tokens: 9,
    temperature: 0.5,
    top_p: 0.9,
    reasoning_effort: 'low',
    parallel_tool_calls: false,
  });
});

t.test('what the model thought, said and called in a turn is one message', async (t) => {
  const { messages } = chat({
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'Sky?' }] },
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'hm' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
      { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{"at":"sky"}' },
      { type: 'function_call', call_id: 'c2', name: 'look', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'blue' },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'grey' }] },
    ],
  });
  const call = (id: string, text: string) => ({
    id,
    type: 'function',
    function: { name: 'look', arguments: text },
  });
  t.strictSame(messages, [
    { role: 'user', content: 'Sky?' },
    {
      role: 'assistant',
      content: 'I look.',
      reasoning_content: 'hm',
      tool_calls: [call('c1', '{"at":"sky"}'), call('c2', '{}')],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'blue' },
    { role: 'tool', tool_call_id: 'c2', content: 'grey' },
  ]);
});

t.test('two messages of the assistant stay two', async (t) => {
  const said = (content: string) => ({ role: 'assistant' as const, content });
  t.strictSame(chat({ input: [said('a'), said('b')] }).messages, [said('a'), said('b')]);
});

t.test('tools, the choice of one and a schema move to where a chat has them', async (t) => {
  const parameters = { type: 'object' };
  const tools = [{ type: 'function' as const, name: 'look', parameters }];
  const format = { type: 'json_schema', name: 'x', schema: { type: 'object' }, strict: true };
  const body = chat({ tools, tool_choice: { type: 'function', name: 'look' }, text: { format } });
  t.strictSame(body.tools, [{ type: 'function', function: { name: 'look', description: null, parameters } }]);
  t.strictSame(body.tool_choice, { type: 'function', function: { name: 'look' } });
  const { type, ...schema } = format;
  t.match(body, { response_format: { type, json_schema: schema } });
});

t.test('what would need an answer to be kept is refused', async (t) => {
  const bodies: Record<string, unknown>[] = [
    { store: true },
    { previous_response_id: 'resp_1' },
    { background: true },
    { truncation: 'auto' },
  ];
  for (const body of bodies) {
    const [param = ''] = Object.keys(body);
    try {
      chat(body);
      t.fail(param);
    } catch (error) {
      t.match(error, { code: 'unsupported_parameter', param });
    }
  }
  t.doesNotThrow(() => chat({ store: false, truncation: 'disabled', include: [] }));
});

t.test('an item that is incomplete is named', async (t) => {
  const items: [Record<string, unknown>, string][] = [
    [{ content: 'x' }, 'input[0].role'],
    [{ role: 'user' }, 'input[0].content'],
    [{ role: 'user', content: [{ type: 'input_image' }] }, 'input[0].content'],
    [{ type: 'function_call', name: 'x' }, 'input[0].call_id'],
    [{ type: 'function_call', call_id: 'x', name: 'y', arguments: '[1]' }, 'input[0].arguments'],
    [{ type: 'function_call', call_id: 'x', name: 'y', arguments: '{' }, 'input[0].arguments'],
    [{ type: 'function_call_output', call_id: 'x' }, 'input[0].output'],
  ];
  for (const [item, param] of items) {
    try {
      chat({ input: [item] });
      t.fail(param);
    } catch (error) {
      t.match(error, { code: 'invalid_value', param });
    }
  }
});
