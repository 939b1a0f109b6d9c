import t from 'tap';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const TEXTS = [
  '',
  'a',
  'b',
  'ab',
  'aab',
  'abab',
  'abc',
  'aXb',
  'a b',
  '7',
  '42',
  '-7',
  '2024-01-31',
  'foo@bar.com',
  'é',
  '日本',
  '😀',
  'a\nb',
  '"',
  '\\',
  '.',
  'A1_',
  'aaa',
  'aaaa',
  '{}',
  '[x]',
  'x|y',
  '\t',
];

/** The whole text must match: the references are ECMAScript's own matches. */
const PATTERNS = [
  'a',
  'a|b',
  '(a|b)*',
  'a+b',
  '(?:ab){2}',
  'a{3}',
  'a{2,}',
  'a{1,3}',
  '[a-c]+',
  '[^a-c]',
  '.',
  '.*',
  'a.b',
  '\\d+',
  '-?\\d{1,2}',
  '\\d{4}-\\d{2}-\\d{2}',
  '[\\w.]+@[\\w.]+',
  '\\w+',
  '\\s',
  'a\\sb',
  '\\u00e9',
  '\\u{1F600}',
  '[\\u3040-\\u9fff]+',
  '\\.',
  '\\\\',
  '"',
  '\\{\\}',
  '\\[x\\]',
  'x\\|y',
  '[\\]\\[x]+',
  'a*?',
  '(a|b|)c?',
  '^a$',
  '^(?:a|b)$',
  '[\\s\\S]*',
  '\\t',
  '\\D',
  '[^\\d]',
  '(?:a(?:b(?:c)?)?)?',
  '\\x61',
];

t.test('a text fits where ECMAScript matches the whole of it', async (t) => {
  for (const pattern of PATTERNS) {
    const whole = new RegExp(`^(?:${pattern})$`, 'u');
    for (const text of TEXTS) {
      const fits = await judge.fits({ type: 'regex', pattern }, text);
      if (fits !== whole.test(text)) t.fail(`/${pattern}/ and ${JSON.stringify(text)}: ${fits}`);
    }
    t.pass(pattern);
  }
});

t.test('in JSON Schema a pattern may match anywhere, but for its anchors', async (t) => {
  for (const pattern of ['b', '^a', 'b$', '^ab$', 'a|^b', '\\d', '"']) {
    for (const text of TEXTS) {
      const fits = (await judge.valueMisfits({ type: 'string', pattern }, [text])).length === 0;
      if (fits !== new RegExp(pattern, 'u').test(text))
        t.fail(`${pattern} and ${JSON.stringify(text)}: ${fits}`);
    }
    t.pass(pattern);
  }
});

t.test('what is malformed or not known is refused with its place', async (t) => {
  for (const pattern of [
    '[a-',
    '(a',
    'a)',
    '*',
    'a{2,1}',
    '\\k<x>',
    '(?=a)',
    '(?<!a)',
    '\\1',
    '[z-a]',
    'a**',
    '\\b',
    '\\p{L}',
  ])
    t.match(await judge.problem({ type: 'regex', pattern }), /./, pattern);
  t.match(await judge.problem({ type: 'regex', pattern: '(?:a{1000}){1000}' }), /./, 'too many to count');
  t.match(await judge.problem({ type: 'regex', pattern: '('.repeat(5000) }), /./, 'too deep');
});
