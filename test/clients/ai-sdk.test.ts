import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateText, jsonSchema, streamText, tool } from 'ai';
import t from 'tap';
import { startServer } from '../support/cli.js';
import { callingServer, PARAMETERS } from './support.js';

const { url } = await startServer(t);
const provider = createOpenAICompatible({ name: 'halflight', baseURL: `${url}/v1`, includeUsage: true });
const prompt = 'Tell me a story about a fox.';

t.test('answers a chat, streamed and not', async (t) => {
  const options = { model: provider('fable'), prompt, temperature: 0, maxOutputTokens: 24 };
  const whole = await generateText(options);
  t.equal(whole.finishReason, 'length');
  const stream = streamText(options);
  t.equal(await stream.text, whole.text);
  t.equal((await stream.usage).outputTokens, 24);
});

t.test('completes a text', async (t) => {
  const { text } = await generateText({
    model: provider.completionModel('fable'),
    prompt,
    maxOutputTokens: 8,
  });
  t.ok(text.length > 0);
});

t.test('functions are called', async (t) => {
  const calling = createOpenAICompatible({ name: 'halflight', baseURL: `${await callingServer(t)}/v1` });
  const tools = { get_weather: tool({ inputSchema: jsonSchema<{ city: string }>(PARAMETERS) }) };
  const { toolCalls, reasoningText } = await generateText({ model: calling('fable'), prompt, tools });
  t.match(toolCalls, [{ toolName: 'get_weather', input: { city: 'Rome' } }]);
  t.equal(reasoningText, 'I ask.');
});

t.test('embeds texts', async (t) => {
  const { embeddings, usage } = await embedMany({
    model: provider.embeddingModel('fable'),
    values: ['a fox', 'the sea'],
  });
  t.equal(embeddings.length, 2);
  t.ok(embeddings.every((vector) => Math.abs(Math.hypot(...vector) - 1) < 1e-6));
  t.ok(usage.tokens > 0);
});
