import t from 'tap';
import { testServer } from '../../support/server.js';

t.test('each field has its bounds, which the refusal tells', async (t) => {
  const refusals: [object, string][] = [
    [{}, 'input'],
    [{ input: '' }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: 7 }, 'input'],
    [{ input: 'a', max_output_tokens: 0 }, 'max_output_tokens'],
    [{ input: 'a', tools: [{ type: 'web_search', name: 'a' }] }, 'tools[0].type'],
    [{ input: 'a', tools: [{ type: 'function', name: 'a b' }] }, 'tools[0].name'],
    [{ input: 'a', metadata: { a: 1 } }, 'metadata.a'],
    [{ input: 'a', reasoning: { effort: 'much' } }, 'reasoning.effort'],
    [{ input: 'a', store: 'no' }, 'store'],
  ];
  for (const [payload, param] of refusals) {
    const reply = await testServer().inject({ method: 'POST', url: '/v1/responses', payload });
    t.match(reply.json(), { error: { param } }, `${param}: ${reply.body}`);
    t.equal(reply.statusCode, 400);
  }
});
