import t from 'tap';
import { Detokenizer } from '#halflight/text/detokenizer.js';
import { Tokenizer } from '#halflight/text/tokenizer.js';
import { tokenizer } from '../support/server.js';

/** Deltas of the ids, the flush last. */
function stream(of: Tokenizer, ids: readonly number[]): string[] {
  const detokenizer = new Detokenizer(of);
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()];
}

function encode(text: string): number[] {
  return tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
}

/** Numbers from 0 to below `limit`, the same on every run (a linear congruential generator). */
function randomIds(seed: number, count: number, limit: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  });
}

/** Llama 2's way: spaces as ▁, characters outside the vocabulary as byte tokens. */
function byteFallbackTokenizer(): Tokenizer {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const pieces = ['<unk>', ...bytes, '▁', 'a', 'b', '▁the', 'é'];
  return new Tokenizer(
    {
      added_tokens: [{ id: 0, content: '<unk>', special: true }],
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      pre_tokenizer: null,
      post_processor: null,
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: {
        type: 'BPE',
        unk_token: '<unk>',
        byte_fallback: true,
        vocab: Object.fromEntries(pieces.map((piece, i) => [piece, i])),
        merges: [],
      },
    },
    {},
  );
}

const TEXTS = [
  '🙂👩‍👩‍👧‍👦🏳️‍🌈 ok',
  '日本語のテキスト、漢字',
  'e\u0301 a\u0308\u0301\u0323',
  'plain text\n\n  with spaces',
  '�\uFFFD real replacement �',
  '\uFEFFbom',
];

t.test('gives the same text as decoding all the tokens at once', async (t) => {
  for (const text of TEXTS) {
    const deltas = stream(tokenizer, encode(text));
    t.equal(deltas.join(''), text);
  }
});

t.test('never splits a character', async (t) => {
  for (const text of TEXTS.slice(0, 4)) {
    for (const delta of stream(tokenizer, encode(text))) {
      t.ok(!/[\p{Surrogate}\uFFFD]/u.test(delta), JSON.stringify(delta));
    }
  }
});

t.test('gives the same text for random tokens of a byte-level vocabulary', async (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const limit = seed % 2 === 0 ? 2048 : 259;
    const ids = randomIds(seed, 150, limit);
    t.equal(stream(tokenizer, ids).join(''), tokenizer.decode(ids, { skipSpecialTokens: true }));
  }
});

t.test('gives the same text for random tokens of a vocabulary with byte fallback', async (t) => {
  const fallback = byteFallbackTokenizer();
  for (let seed = 0; seed < 60; seed++) {
    const ids = randomIds(seed, 150, fallback.vocabSize);
    t.equal(stream(fallback, ids).join(''), fallback.decode(ids, { skipSpecialTokens: true }));
  }
});

t.test('shows no special token', async (t) => {
  t.equal(stream(tokenizer, [0, ...encode('hi'), 2, 1]).join(''), 'hi');
});

t.test('decodes a bounded number of tokens for each new one', async (t) => {
  let longest = 0;
  const counting = Object.create(tokenizer, {
    isSpecial: { value: (id: number) => tokenizer.isSpecial(id) },
    decode: {
      value: (ids: number[], options: { skipSpecialTokens: boolean }) => {
        longest = Math.max(longest, ids.length);
        return tokenizer.decode(ids, options);
      },
    },
  }) as Tokenizer;
  stream(counting, randomIds(7, 2000, 259));
  t.ok(longest <= 32, `${longest} tokens at once`);
});

t.test('special tokens are left out, but for those to be shown', async (t) => {
  const ids = encode('<|im_start|>a<|im_end|>b');
  const text = (shownTokens: readonly string[]) => {
    const detokenizer = new Detokenizer(tokenizer, { skipSpecialTokens: true, shownTokens });
    return ids.map((id) => detokenizer.push(id)).join('') + detokenizer.flush();
  };
  t.equal(text([]), 'ab');
  t.equal(text(['<|im_end|>']), 'a<|im_end|>b');
});
