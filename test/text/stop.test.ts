import t from 'tap';
import { StopMatcher } from '#halflight/text/stop.js';

/** All text that a stream of these pieces lets out, and the stop string that ended it. */
function run(stops: readonly string[], pieces: readonly string[]): { text: string; matched: string | null } {
  const matcher = new StopMatcher(stops);
  let text = '';
  for (const piece of pieces) {
    const result = matcher.push(piece);
    text += result.text;
    if (result.matched !== null) return { text, matched: result.matched };
  }
  return { text: text + matcher.flush(), matched: null };
}

/** Every way to cut a text into pieces. */
function* cuts(text: string): Generator<string[]> {
  for (let mask = 0; mask < 1 << (text.length - 1); mask++) {
    const pieces = [''];
    [...text].forEach((char, i) => {
      pieces[pieces.length - 1] += char;
      if ((mask >> i) & 1) pieces.push('');
    });
    yield pieces;
  }
}

const CASES = [
  { stops: ['END'], text: 'abENDcd', expected: { text: 'ab', matched: 'END' } },
  { stops: ['END'], text: 'abENEND', expected: { text: 'abEN', matched: 'END' } },
  { stops: ['aab'], text: 'aaaabx', expected: { text: 'aa', matched: 'aab' } },
  { stops: ['abcd', 'bc'], text: 'xabcd', expected: { text: 'xa', matched: 'bc' } },
  { stops: ['bc', 'abc'], text: 'xabc', expected: { text: 'x', matched: 'abc' } },
  { stops: ['zz'], text: 'abcz', expected: { text: 'abcz', matched: null } },
  { stops: [], text: 'abc', expected: { text: 'abc', matched: null } },
  { stops: ['a'], text: 'a', expected: { text: '', matched: 'a' } },
];

t.test('finds the same stop string and lets out the same text, wherever the stream is cut', async (t) => {
  for (const { stops, text, expected } of CASES) {
    for (const pieces of cuts(text)) t.same(run(stops, pieces), expected, JSON.stringify([stops, pieces]));
  }
});

t.test('holds back no more than a stop string may need', async (t) => {
  const matcher = new StopMatcher(['STOP']);
  t.equal(matcher.push('hello S').text, 'hello ');
  t.equal(matcher.push('T').text, '');
  t.equal(matcher.push('x').text, 'STx');
  t.equal(matcher.flush(), '');
});

t.test('a stop string that ends in passed text counts for nothing, one that begins there counts', (t) => {
  const matcher = new StopMatcher(['abcde', 'bc']);
  t.equal(matcher.pass('xbcx'), 'xbcx');
  t.equal(matcher.pass('abc'), '', 'held back, for it may begin a stop string');
  t.same(matcher.push('x'), { text: 'abcx', matched: null });
  t.equal(matcher.pass('abcd'), '');
  t.same(matcher.push('e'), { text: '', matched: 'abcde' });
  t.end();
});
