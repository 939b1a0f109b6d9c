import t from 'tap';
import { checkTemplate, promptOfChat } from '#halflight/server/chat-request.js';
import type { ServerContext } from '#halflight/server/context.js';
import { testModels } from '../support/server.js';

const CONTEXT = { trustRequestTemplates: false } as ServerContext;
const messages = [{ role: 'user' as const, content: 'Hi' }];
const NO_TOOLS = { functions: null, forced: null, maxCalls: 1 };

t.test('a template of the request is taken only where it is trusted', async (t) => {
  const body = { messages, chat_template: '{{ 1 }}' };
  t.throws(() => checkTemplate(body, CONTEXT), { code: 'unsupported_parameter', param: 'chat_template' });
  t.doesNotThrow(() => checkTemplate(body, { ...CONTEXT, trustRequestTemplates: true }));
  t.doesNotThrow(() => checkTemplate({ messages, chat_template: null }, CONTEXT));
});

t.test('a model without a template takes no chats', async (t) => {
  const { model } = await testModels({ template: null }).lease(null);
  await t.rejects(promptOfChat({ messages }, NO_TOOLS, model, CONTEXT), { code: 'invalid_value' });
});

t.test('the prompt is the template’s text and its tokens', async (t) => {
  const { model } = await testModels().lease(null);
  const { prompt } = await promptOfChat({ messages }, NO_TOOLS, model, CONTEXT);
  t.match(prompt.text, 'Hi');
  t.equal(model.tokenizer.decode(prompt.tokenIds, { skipSpecialTokens: false }), prompt.text);
});
