import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import t from 'tap';
import { startServer } from '../support/cli.js';
import { callingServer, PARAMETERS } from './support.js';

const { url } = await startServer(t);

function chatModel(baseURL: string, maxTokens = 24): ChatOpenAI {
  return new ChatOpenAI({
    model: 'fable',
    apiKey: 'any',
    temperature: 0,
    maxTokens,
    maxRetries: 0,
    configuration: { baseURL: `${baseURL}/v1` },
  });
}

t.test('answers a chat, streamed and not', async (t) => {
  const whole = await chatModel(url).invoke('Tell me a story about a fox.');
  t.equal(whole.usage_metadata?.output_tokens, 24);
  let text = '';
  for await (const chunk of await chatModel(url).stream('Tell me a story about a fox.')) text += chunk.text;
  t.equal(text, whole.text);
});

t.test('functions are called', async (t) => {
  const calling = chatModel(await callingServer(t), 200);
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: PARAMETERS } }];
  const { tool_calls } = await calling.bindTools(tools).invoke('Weather?');
  t.match(tool_calls, [{ name: 'get_weather', args: { city: 'Rome' } }]);
});

t.test('embeds documents and queries', async (t) => {
  const embeddings = new OpenAIEmbeddings({
    model: 'fable',
    apiKey: 'any',
    maxRetries: 0,
    configuration: { baseURL: `${url}/v1` },
  });
  const [fox, sea] = await embeddings.embedDocuments(['a fox', 'the sea']);
  const again = await embeddings.embedQuery('a fox');
  t.ok(again.reduce((sum, value, i) => sum + value * fox[i], 0) > 0.99, 'rounding may depend on the batch');
  t.equal(sea.length, fox.length);
  t.notSame(sea, fox);
});
