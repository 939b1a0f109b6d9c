import t from 'tap';
import {
  ANY_CHAR,
  charSet,
  complement,
  intersection,
  JSON_PLAIN,
  jsonClass,
  rawClass,
  SPACES,
  union,
  WORD_CHARS,
  without,
} from '#halflight/grammar/char-set.js';

const contains = (set: typeof ANY_CHAR, code: number) =>
  set.some(([first, last]) => first <= code && code <= last);

t.test('ranges that touch or overlap become one', (t) => {
  t.strictSame(
    union(
      [[5, 9]],
      [
        [1, 4],
        [20, 30],
      ],
      [[7, 12]],
    ),
    [
      [1, 12],
      [20, 30],
    ],
  );
  t.end();
});

t.test('a complement has what the set has not, but never a surrogate', (t) => {
  const rest = complement(charSet('b', 'c'));
  for (const [code, isIn] of [
    [0x61, true],
    [0x62, false],
    [0x63, false],
    [0x64, true],
    [0xd800, false],
    [0xdfff, false],
    [0x10ffff, true],
  ] as const)
    t.equal(contains(rest, code), isIn, code.toString(16));
  t.strictSame(complement(ANY_CHAR), []);
  t.end();
});

t.test('sets are cut and taken from each other', (t) => {
  t.strictSame(
    intersection(
      [[1, 10]],
      [
        [4, 6],
        [9, 20],
      ],
    ),
    [
      [4, 6],
      [9, 10],
    ],
  );
  t.strictSame(without([[1, 10]], [[4, 6]]), [
    [1, 3],
    [7, 10],
  ]);
  t.end();
});

t.test('spaces and word characters are those of ECMAScript', (t) => {
  for (let code = 0; code < 0x10000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const char = String.fromCodePoint(code);
    if (contains(SPACES, code) !== /\s/u.test(char)) t.fail(`\\s at ${code.toString(16)}`);
    if (contains(WORD_CHARS, code) !== /\w/u.test(char)) t.fail(`\\w at ${code.toString(16)}`);
  }
  t.end();
});

t.test('characters of strings that JSON does not take as they are, are escaped', (t) => {
  const isPlain = (char: string) => contains(JSON_PLAIN, char.codePointAt(0) ?? 0);
  for (const char of ['a', '/', ' ', 'é', '😀', '\u007f']) t.ok(isPlain(char), char);
  for (const char of ['"', '\\', '\n', '\u0000']) t.notOk(isPlain(char), JSON.stringify(char));
  t.equal(jsonClass(charSet('a', 'b')), '[a-b]');
  t.equal(jsonClass(charSet('\n')), '"\\u005cn"');
  t.match(jsonClass(charSet('a', '"')), /^\(\[a\] \| "\\u005c\\u0022"\)$/);
  t.equal(rawClass(charSet(']', 'a', '-')), '[\\u002d\\u005da]');
  t.end();
});
