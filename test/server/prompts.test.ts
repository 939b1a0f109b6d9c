import t from 'tap';
import { encodePrompts, type Surroundings } from '#halflight/server/prompts.js';
import { tokenizer } from '../support/server.js';

const AROUND = { addSpecialTokens: true, suffix: null };
const idsOf = (prompt: unknown, around: Surroundings = AROUND) =>
  encodePrompts(prompt, tokenizer, around).map(({ tokenIds }) => tokenIds);
const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: true, parseSpecialTokens: true });

t.test('reads the four shapes of a prompt', (t) => {
  t.same(idsOf('Hi'), [encode('Hi')]);
  t.same(idsOf(['Hi', 'Ho']), [encode('Hi'), encode('Ho')]);
  t.same(idsOf([5, 6]), [[5, 6]]);
  t.same(idsOf([[5, 6], [7]]), [[5, 6], [7]]);
  t.same(idsOf(['Hi', [0, 2047]]), [encode('Hi'), [0, 2047]], 'also beside each other');
  t.end();
});

t.test('the field may have another name, and room for more', (t) => {
  const field = { name: 'input', maxPrompts: 300 };
  t.equal(encodePrompts(Array(300).fill('Hi'), tokenizer, AROUND, field).length, 300);
  t.throws(() => encodePrompts(Array(301).fill('Hi'), tokenizer, AROUND, field), {
    param: 'input',
    message: 'input must hold at most 300 texts.',
  });
  t.throws(() => encodePrompts(['a', 5], tokenizer, AROUND, field), {
    param: 'input[1]',
    message: /^input must be a string, a list/,
  });
  t.end();
});

t.test('names the place of what is wrong', (t) => {
  for (const [prompt, param] of [
    [undefined, 'prompt'],
    [5, 'prompt'],
    ['', 'prompt'],
    [[], 'prompt'],
    [[''], 'prompt[0]'],
    [[[]], 'prompt[0]'],
    [['a', 5], 'prompt[1]'],
    [['a', null], 'prompt[1]'],
    [[5, 'a'], 'prompt[1]'],
    [[5, 2048], 'prompt[1]'],
    [[[5], [6, -1]], 'prompt[1][1]'],
    [[[5], [6, 0.5]], 'prompt[1][1]'],
  ] as const) {
    t.throws(() => idsOf(prompt), { code: 'invalid_value', param }, JSON.stringify(prompt));
  }
  t.end();
});

t.test('takes 256 prompts at most, and no bound on the ids of one', (t) => {
  t.equal(idsOf(Array(256).fill([5])).length, 256);
  t.throws(() => idsOf(Array(257).fill([5])), { param: 'prompt', message: /at most 256/ });
  t.equal(idsOf(Array(300).fill(5))[0].length, 300);
  t.end();
});
