import t from 'tap';
import { chatInputs } from '#halflight/server/chat-inputs.js';
import type { ChatBody } from '#halflight/server/chat-schemas.js';
import { readTools } from '#halflight/server/tools.js';
import { chatModel, type Family } from '../support/chat-models.js';

const tools = [{ type: 'function' as const, function: { name: 'f' } }];

function inputs(family: Family, more: Partial<ChatBody>) {
  const body: ChatBody = { messages: [{ role: 'user', content: 'Hi' }], ...more };
  return chatInputs(body, chatModel(family), readTools(body));
}

t.test('has the defaults of the API', async (t) => {
  t.same(inputs('qwen3', {}), {
    messages: [{ role: 'user', content: 'Hi' }],
    tools: null,
    documents: null,
    variables: {},
    kwargs: {},
    addGenerationPrompt: true,
    continueFinalMessage: false,
    addSpecialTokens: false,
    source: null,
  });
});

t.test('an answer either goes on or begins', async (t) => {
  t.equal(inputs('qwen3', { continue_final_message: true }).addGenerationPrompt, false);
  t.throws(() => inputs('qwen3', { continue_final_message: true, add_generation_prompt: true }), {
    code: 'invalid_value',
    param: 'add_generation_prompt',
  });
});

t.test('what the template does not read is refused', async (t) => {
  t.same(inputs('llama3', { documents: [{ text: 'x' }] }).documents, [{ text: 'x' }]);
  t.throws(() => inputs('qwen3', { documents: [{ text: 'x' }] }), {
    code: 'unsupported_parameter',
    param: 'documents',
  });
  t.throws(() => inputs('qwen3', { tools, chat_template: '{{ messages }}' }), {
    code: 'unsupported_parameter',
    param: 'tools',
  });
  t.throws(() => inputs('llama3', { reasoning_effort: 'low' }), {
    code: 'unsupported_parameter',
    param: 'reasoning_effort',
  });
});

t.test('tools need a model whose calls are understood', async (t) => {
  const body: ChatBody = { messages: [{ role: 'user', content: 'Hi' }], tools };
  const model = { ...chatModel('qwen3'), output: { tools: null, reasoning: null } };
  t.throws(() => chatInputs(body, model, readTools(body)), { message: /--tool-call-parser/, param: 'tools' });
});

t.test('effort is the template’s variable, and none turns thinking off', async (t) => {
  t.same(inputs('gpt-oss', { reasoning_effort: 'high' }).variables, { reasoning_effort: 'high' });
  t.same(inputs('qwen3', { reasoning_effort: 'none' }).variables, { enable_thinking: false });
  t.same(inputs('llama3', { reasoning_effort: 'none' }).variables, {});
});

t.test('variables of the caller do not shadow those of the server', async (t) => {
  t.same(inputs('qwen3', { chat_template_kwargs: { enable_thinking: false } }).kwargs, {
    enable_thinking: false,
  });
  for (const name of [
    'messages',
    'tools',
    'bos_token',
    'add_generation_prompt',
    'range',
    'raise_exception',
  ]) {
    t.throws(() => inputs('qwen3', { chat_template_kwargs: { [name]: 1 } }), {
      code: 'invalid_value',
      param: `chat_template_kwargs.${name}`,
    });
  }
  for (const name of ['', 'a b', '__proto__', '1a', 'x'.repeat(65)]) {
    const kwargs = JSON.parse(`{${JSON.stringify(name)}: 1}`);
    t.throws(() => inputs('qwen3', { chat_template_kwargs: kwargs }), { code: 'invalid_value' }, name);
  }
});
