import t from 'tap';
import { logitsParams } from '#halflight/server/logits-params.js';
import type { CommonBody } from '#halflight/server/schemas.js';
import { tokenizer } from '../support/server.js';

const encode = (text: string) =>
  tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });

const NEUTRAL = {
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  minTokens: 0,
  badWords: [],
  allowedTokenIds: null,
};

t.test('is absent where all is neutral', (t) => {
  const neutral = {
    presence_penalty: 0,
    frequency_penalty: 0,
    repetition_penalty: 1,
    logit_bias: { 5: 0 },
    min_tokens: 0,
    bad_words: [],
    allowed_token_ids: null,
  };
  const nulls = Object.fromEntries(Object.keys(neutral).map((key) => [key, null]));
  for (const body of [{}, neutral, nulls, { logit_bias: {} }]) t.equal(logitsParams(body, tokenizer), null);
  t.end();
});

t.test('each parameter alone makes it, the others being neutral', (t) => {
  const cases: readonly (readonly [CommonBody, object])[] = [
    [{ presence_penalty: -2 }, { presencePenalty: -2 }],
    [{ frequency_penalty: 2 }, { frequencyPenalty: 2 }],
    [{ repetition_penalty: 1.1 }, { repetitionPenalty: 1.1 }],
    [
      { logit_bias: { 0: -100, 2047: 100, 9: 0 } },
      {
        logitBias: [
          [0, -100],
          [2047, 100],
        ],
      },
    ],
    [{ min_tokens: 3 }, { minTokens: 3 }],
    [{ allowed_token_ids: [0, 2047] }, { allowedTokenIds: [0, 2047] }],
    [{ bad_words: ['<|im_end|>'] }, { badWords: [[2]] }],
  ];
  for (const [body, expected] of cases) {
    t.strictSame(logitsParams(body, tokenizer), { ...NEUTRAL, ...expected }, JSON.stringify(body));
  }
  t.end();
});

t.test('refuses biases of what is no token, and biases out of bounds, by their keys', (t) => {
  const refused = (logit_bias: Record<string, unknown>, message: RegExp) =>
    t.throws(() => logitsParams({ logit_bias }, tokenizer), {
      code: 'invalid_value',
      param: `logit_bias.${Object.keys(logit_bias).at(-1)}`,
      message,
    });
  for (const key of ['-1', '2048', '1e3', '1.5', '007', ' 5', 'x', '', '99999999999999999999']) {
    refused({ 5: 1, [key]: 1 }, /token ids below 2048/);
  }
  for (const bias of [100.1, -101, Infinity, '5', null, true, []]) {
    refused({ 5: bias }, /logit_bias\.5 must be a number from -100 to 100/);
  }
  t.end();
});

t.test('refuses allowed tokens from the end of the vocabulary on', (t) => {
  t.throws(() => logitsParams({ allowed_token_ids: [5, 2048] }, tokenizer), {
    code: 'invalid_value',
    param: 'allowed_token_ids[1]',
    message: /below 2048/,
  });
  t.end();
});

t.test('bad words are banned at the beginning of a text and after a space', (t) => {
  const badWords = (...bad_words: string[]) => logitsParams({ bad_words }, tokenizer)?.badWords;
  t.same(badWords('the'), [encode('the'), encode(' the')]);
  t.same(badWords('  the'), [encode('the'), encode(' the')], 'white space before the word is none of it');
  t.same(badWords('fox', 'the'), [encode('fox'), encode(' fox'), encode('the'), encode(' the')]);
  const digits = encode(' 7').at(-1) === encode('7')[0] ? [encode('7')] : [encode('7'), encode(' 7')];
  t.same(badWords('7'), digits, 'a sequence that ends with the word itself is banned with it');
  for (const word of [' ', '\n\t']) {
    t.throws(() => badWords('a', word), {
      code: 'invalid_value',
      param: 'bad_words[1]',
      message: /white space/,
    });
  }
  t.end();
});
