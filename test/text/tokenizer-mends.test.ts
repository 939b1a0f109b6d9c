import t from 'tap';
import { mendDecoders, mendNormalizers, mendUnigram } from '#halflight/text/tokenizer-mends.js';
import { readFamily } from '../support/tokenizer-families.js';

const encoded = (name: Parameters<typeof readFamily>[0], text: string) =>
  readFamily(name).tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });

t.test('a sigma is the same wherever it stands in a word', (t) => {
  for (const name of ['bert-uncased', 'albert'] as const) {
    t.same(encoded(name, 'ΟΔΥΣΣΕΥΣ'), encoded(name, 'οδυσσευσ'), name);
  }
  t.end();
});

t.test('each ideograph is a word to BERT, also beyond the first plane', (t) => {
  for (const text of ['狐狸', '\u{20000}\u{20001}', '\u{2f800}\u{2b740}']) {
    t.equal(encoded('bert-cased', text).length, 2, text);
  }
  t.end();
});

t.test('a text without a cut may be long', (t) => {
  const text = 'the_fox_'.repeat(40_000);
  t.ok(encoded('albert', text).length > 100_000);
  t.end();
});

t.test('U+FEFF amid a text is no mark of a beginning', (t) => {
  for (const name of ['llama2', 'gemma'] as const) {
    const { tokenizer } = readFamily(name);
    t.equal(tokenizer.decode(encoded(name, 'a\ufeffb'), { skipSpecialTokens: true }), 'a\ufeffb', name);
  }
  t.end();
});

t.test('what is no normalizer, no decoder and no Unigram is left alone', (t) => {
  mendNormalizers(null);
  mendDecoders({ text_decoder: null });
  const model = { vocab: ['a'] };
  mendUnigram(model, new Set([0]));
  t.same(model, { vocab: ['a'] });
  t.end();
});
