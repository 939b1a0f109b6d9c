import t from 'tap';
import {
  BUNDLED_PROMPTS,
  givenPrompts,
  prefixPrompts,
  randomPrompts,
} from '#halflight/bench/serve/prompts.js';
import { Draws } from '#halflight/bench/serve/random.js';
import type { Lengths } from '#halflight/option-kinds.js';

const fixed = (mean: number): Lengths => ({ shape: 'fixed', mean, spread: 0 });
const options = { count: 20, inputLen: fixed(12), outputLen: fixed(5), vocabSize: 100, takesTokens: true };

t.test('random prompts have their length, ids of the vocabulary, and no two are alike', (t) => {
  const prompts = randomPrompts(options, new Draws(1));
  const ids = prompts.map(({ prompt }) => prompt as number[]);
  t.ok(ids.every((prompt) => prompt.length === 12 && prompt.every((id) => id >= 0 && id < 100)));
  t.equal(new Set(ids.map(String)).size, 20);
  t.ok(prompts.every(({ outputLen }) => outputLen === 5));
  t.strictSame(randomPrompts(options, new Draws(1)), prompts, 'the same for a seed');
  t.end();
});

t.test('an API that takes no ids gets as many words', (t) => {
  const [{ prompt }] = randomPrompts({ ...options, takesTokens: false }, new Draws(1));
  t.equal(String(prompt).split(' ').length, 12);
  t.end();
});

t.test('shared starts are few, what follows is of each prompt alone', (t) => {
  const prompts = prefixPrompts({ ...options, numPrefixes: 3, prefixLen: 6 }, new Draws(1));
  const ids = prompts.map(({ prompt }) => prompt as number[]);
  t.ok(ids.every((prompt) => prompt.length === 18));
  t.equal(new Set(ids.map((prompt) => String(prompt.slice(0, 6)))).size, 3);
  t.equal(new Set(ids.map((prompt) => String(prompt.slice(6)))).size, 20);
  t.end();
});

t.test('given texts are each taken once before any comes again', (t) => {
  const prompts = givenPrompts(
    BUNDLED_PROMPTS,
    { ...options, count: 2 * BUNDLED_PROMPTS.length },
    new Draws(1),
  );
  const half = prompts.slice(0, BUNDLED_PROMPTS.length).map(({ prompt }) => prompt);
  t.strictSame(half.toSorted(), [...BUNDLED_PROMPTS].sort());
  t.strictSame(prompts[BUNDLED_PROMPTS.length].prompt, half[0]);
  t.end();
});
