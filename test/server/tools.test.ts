import t from 'tap';
import type { ChatBody } from '#halflight/server/chat-schemas.js';
import { readTools, templateTools } from '#halflight/server/tools.js';

const tool = (name: string, parameters: Record<string, unknown> | null = { type: 'object' }) => ({
  type: 'function' as const,
  function: { name, description: null, parameters },
});
const body = (more: Partial<ChatBody>): ChatBody => ({
  messages: [{ role: 'user', content: 'Hi' }],
  ...more,
});
const tools = [tool('add'), tool('get_weather', null)];

t.test('without tools, or where none may be called, none are offered', async (t) => {
  for (const more of [{}, { tools: [] }, { tools, tool_choice: 'none' }, { tool_choice: 'auto' }]) {
    t.equal(readTools(body(more)).functions, null);
    t.equal(templateTools(body(more), readTools(body(more))), null);
  }
});

t.test('offers the functions, and leaves it to the model to call one', async (t) => {
  const use = readTools(body({ tools }));
  t.same(use, {
    functions: [
      { name: 'add', parameters: { type: 'object' } },
      { name: 'get_weather', parameters: {} },
    ],
    forced: null,
    maxCalls: Number.POSITIVE_INFINITY,
  });
  t.equal(readTools(body({ tools, parallel_tool_calls: false })).maxCalls, 1);
  t.same(templateTools(body({ tools }), use)?.[1], { type: 'function', function: { name: 'get_weather' } });
});

t.test('a choice may force any, or one by its name', async (t) => {
  t.same(readTools(body({ tools, tool_choice: 'required' })).forced, { name: null });
  const named = { type: 'function', function: { name: 'add' } };
  t.same(readTools(body({ tools, tool_choice: named })).forced, { name: 'add' });
});

t.test('a choice of nothing that there is is refused', async (t) => {
  const named = (name: unknown) => ({ type: 'function', function: { name } });
  for (const tool_choice of ['any', 1, {}, [], named('other'), named(1), { type: 'function' }]) {
    t.throws(() => readTools(body({ tools, tool_choice })), { code: 'invalid_value', param: 'tool_choice' });
  }
  t.throws(() => readTools(body({ tool_choice: 'required' })), {
    code: 'invalid_value',
    param: 'tool_choice',
  });
});

t.test('a schema out of bounds is refused by its path', async (t) => {
  const deep = (depth: number): Record<string, unknown> => (depth === 1 ? {} : { items: deep(depth - 1) });
  const param = 'tools[0].function.parameters';
  const bad: Record<string, unknown>[] = [
    { description: 'x'.repeat(65_536) },
    deep(33),
    { type: 'string' },
    { properties: { a: { type: 'string', pattern: '(' } } },
    { patternProperties: { '[': {} } },
  ];
  for (const parameters of bad) {
    t.throws(() => readTools(body({ tools: [tool('f', parameters)] })), { code: 'invalid_value', param });
  }
  t.ok(
    readTools(
      body({ tools: [tool('f', deep(32)), tool('g', { properties: { pattern: { type: 'string' } } })] }),
    ),
  );
});

t.test('two tools of one name are refused', async (t) => {
  t.throws(() => readTools(body({ tools: [tool('f'), tool('f')] })), {
    code: 'invalid_value',
    param: 'tools[1].function.name',
  });
});
