import t from 'tap';
import { createEngine } from '#halflight/engine/client.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { fable } from '../support/models.js';
import { streamText } from '../support/requests.js';
import { testServer } from '../support/server.js';

const engine = await createEngine({ ...ENGINE_DEFAULTS, modelDir: fable });
const app = testServer({ engine });
const url = await app.listen({ host: '127.0.0.1', port: 0 });
t.teardown(async () => {
  await app.close();
  await engine.close();
});

// Of different lengths, so that the streams are in different phases: one prefills while others decode.
const PROMPTS = [
  'Once upon a time',
  'In a little house by the river lived Otto, a',
  'The fox',
  'One day, a big storm came to the hill. Far away, Leo heard someone crying near the hill. He was afraid of the dark, but',
  'Long ago, near the village, there lived an old wolf. She',
  '"Do not be afraid," said',
  'Maya had a basket full of',
  'The lesson is that',
];

for (const [kind, sampling] of [
  ['greedy', { temperature: 0 }],
  ['drawn by a seed', { temperature: 0.9, top_p: 0.95, seed: 7 }],
] as const) {
  t.test(`8 concurrent streams give each the same text as alone, ${kind}`, async (t) => {
    const bodies = PROMPTS.map((prompt) => ({ model: 'fable', prompt, max_tokens: 32, ...sampling }));
    const alone: string[] = [];
    for (const body of bodies) alone.push(await streamText(url, body));
    const together = await Promise.all(bodies.map((body) => streamText(url, body)));
    t.strictSame(together, alone);
    t.equal(new Set(alone).size, PROMPTS.length, 'they are 8 different texts');
  });
}

t.test('nothing is left behind', async (t) => {
  t.match(engine.stats(), { numRunning: 0, numWaiting: 0, kvUsage: 0 });
});
