import Anthropic from '@anthropic-ai/sdk';
import t from 'tap';
import { startServer } from '../support/cli.js';
import { callingServer, PARAMETERS } from './support.js';

const { url } = await startServer(t, '--api-key', 'secret');
const client = new Anthropic({ baseURL: url, apiKey: 'secret', maxRetries: 0 });
const model = 'fable';
const messages = [{ role: 'user' as const, content: 'Tell me a story about a fox.' }];

t.test('answers a message, streamed and not', async (t) => {
  const body = { model, messages, max_tokens: 24, temperature: 0 };
  const whole = await client.messages.create(body);
  t.equal(whole.stop_reason, 'max_tokens');
  const streamed = await client.messages.stream(body).finalMessage();
  t.strictSame(streamed.content, whole.content);
  t.equal(streamed.usage.output_tokens, 24);
});

t.test('counts the tokens of a prompt', async (t) => {
  const { input_tokens } = await client.messages.countTokens({ model, messages });
  const { usage } = await client.messages.create({ model, messages, max_tokens: 1 });
  t.equal(input_tokens, usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
});

t.test('functions are called, streamed and not', async (t) => {
  const calling = new Anthropic({ baseURL: await callingServer(t), apiKey: 'any', maxRetries: 0 });
  const tools = [{ name: 'get_weather', input_schema: { ...PARAMETERS, required: ['city'] } }];
  const body = { model, messages, max_tokens: 200, tools };
  const content = [{ type: 'thinking' }, { type: 'tool_use', name: 'get_weather', input: { city: 'Rome' } }];
  t.match(await calling.messages.create(body), { stop_reason: 'tool_use', content });
  t.match(await calling.messages.stream(body).finalMessage(), { stop_reason: 'tool_use', content });
});

t.test('errors are those of the client’s own classes', async (t) => {
  const missing = client.messages.create({ model: 'nobody', messages, max_tokens: 1 });
  t.ok((await missing.catch((error: unknown) => error)) instanceof Anthropic.NotFoundError);
});
