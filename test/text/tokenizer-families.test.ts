import t from 'tap';
import { Detokenizer } from '#halflight/text/detokenizer.js';
import { FAMILIES, readFamily } from '../support/tokenizer-families.js';

/** Special tokens that a text spells, which the reference takes from the vocabulary of a Unigram. */
const SPELLED = /<\/s>/;

for (const name of FAMILIES) {
  const { tokenizer, cases } = readFamily(name);

  t.test(`${name} encodes as the reference library does`, (t) => {
    for (const { input, ids, bare, plain } of cases) {
      const encode = (addSpecialTokens: boolean, parseSpecialTokens: boolean) =>
        tokenizer.encode(input, { addSpecialTokens, parseSpecialTokens });
      t.same(encode(true, true), ids, JSON.stringify(input));
      t.same(encode(false, true), bare);
      if (name !== 't5' || !SPELLED.test(input)) t.same(encode(false, false), plain);
    }
    t.end();
  });

  t.test(`${name} decodes as the reference library does, at once and token by token`, (t) => {
    for (const { bare, text } of cases) {
      t.equal(tokenizer.decode(bare, { skipSpecialTokens: false }), text);
      const detokenizer = new Detokenizer(tokenizer, { skipSpecialTokens: false });
      t.equal(bare.map((id) => detokenizer.push(id)).join('') + detokenizer.flush(), text);
    }
    t.end();
  });

  t.test(
    `${name} tells of each token what it adds to a text, also where it is a part of a character`,
    (t) => {
      const known = cases.filter(({ bare }) => !bare.some((id) => tokenizer.isSpecial(id)));
      t.ok(known.length >= 5);
      for (const { bare, text } of known) {
        const joined = Buffer.concat(bare.map((id) => tokenizer.tokenBytes(id))).toString();
        t.equal(joined.trimStart(), text.trimStart());
      }
      t.end();
    },
  );
}

t.test('a special token that a text spells, or is normalised to, stays text', (t) => {
  const { tokenizer } = readFamily('t5');
  for (const [text, parseSpecialTokens] of [
    ['a </s> b', false],
    ['a ＜/s＞ b', true],
    ['a ＜/s＞ b', false],
  ] as const) {
    const ids = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens });
    t.notOk(ids.includes(1), text);
    t.match(tokenizer.decode(ids, { skipSpecialTokens: true }), /^a .*s.* b$/, 'nothing of it is lost');
  }
  t.end();
});
