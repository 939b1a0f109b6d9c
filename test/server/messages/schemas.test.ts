import t from 'tap';
import { testServer } from '../../support/server.js';

const messages = [{ role: 'user', content: 'Hi' }];

t.test('each field has its bounds, which the refusal tells', async (t) => {
  const refusals: [object, string][] = [
    [{ messages }, 'max_tokens'],
    [{ max_tokens: 1 }, 'messages'],
    [{ messages, max_tokens: 0 }, 'max_tokens'],
    [{ messages: [{ role: 'system', content: 'x' }], max_tokens: 1 }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: 7 }], max_tokens: 1 }, 'messages[0].content'],
    [{ messages, max_tokens: 1, stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, 'stop_sequences'],
    [{ messages, max_tokens: 1, tools: [{ name: 'a b', input_schema: {} }] }, 'tools[0].name'],
    [{ messages, max_tokens: 1, tools: [{ name: 'a' }] }, 'tools[0].input_schema'],
    [{ messages, max_tokens: 1, tool_choice: { type: 'some' } }, 'tool_choice.type'],
    [{ messages, max_tokens: 1, temperature: 3 }, 'temperature'],
  ];
  for (const [payload, param] of refusals) {
    const reply = await testServer().inject({ method: 'POST', url: '/v1/messages', payload });
    t.match(reply.json(), { type: 'error', error: { param } }, `${param}: ${JSON.stringify(reply.json())}`);
    t.equal(reply.statusCode, 400);
  }
});
