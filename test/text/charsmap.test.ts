import t from 'tap';
import { Charsmap } from '#halflight/text/charsmap.js';
import { charsmapJson } from '../support/tokenizer-families.js';

const charsmap = new Charsmap(charsmapJson());

t.test('characters become what the table says, others stay', (t) => {
  for (const [text, expected] of [
    ['plain text', 'plain text'],
    ['ﬁ ½ ① Ａ', 'fi 1⁄2 1 A'],
    ['a\tb\r\nc\u00a0d', 'a b c d'],
    ['e\u0301 \uac01', '\u00e9 \uac01'],
    ['a\u0000b', 'a\u0000b'],
    ['', ''],
  ] as const) {
    t.equal(charsmap.normalize(text), expected, JSON.stringify(text));
  }
  t.end();
});

t.test('a grapheme of more than five bytes is taken character by character', (t) => {
  t.equal(charsmap.normalize('\u1100\u1161\u11a8'), '\u1100\u1161\u11a8', 'jamo are not put together');
  t.end();
});

t.test('a grapheme is whole wherever it stands in a long text, and time grows with the length alone', (t) => {
  for (const grapheme of ['e\u0301', '👩‍👩‍👧‍👦', '\r\n', 'n\u0303']) {
    const expected = charsmap.normalize(grapheme);
    for (let before = 250; before < 262; before++) {
      const text = `${'x'.repeat(before)}${grapheme}${'y'.repeat(300)}`;
      t.equal(charsmap.normalize(text), `${'x'.repeat(before)}${expected}${'y'.repeat(300)}`);
    }
  }
  const marks = `e${'\u0301'.repeat(1000)}`;
  t.equal(charsmap.normalize(marks), marks, 'longer than what is looked at');
  const start = performance.now();
  charsmap.normalize('größer '.repeat(50_000));
  t.ok(performance.now() - start < 10_000, 'a segmenter over all of it takes minutes');
  t.end();
});

t.test('a table that is cut off is refused', (t) => {
  const bytes = Buffer.from(charsmapJson(), 'base64');
  for (const length of [0, 3, 4, 1000]) {
    t.throws(() => new Charsmap(bytes.subarray(0, length).toString('base64')), /cut off/);
  }
  t.end();
});
