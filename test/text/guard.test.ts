import t from 'tap';
import { guardStrings } from '#halflight/text/guard.js';

const TOKENS = ['<|im_start|>', '<|im_end|>'];
const GUARD = '\uFDD0';

const guarded = (text: string, tokens: readonly string[] = TOKENS) =>
  guardStrings({ text }, tokens).value.text;

t.test('text that spells no special token stays as it is', (t) => {
  const value = { role: 'user', content: 'a | b > c', list: ['x', { n: 1, b: true, none: null }] };
  t.strictSame(guardStrings(value, TOKENS), { value, guard: GUARD });
  t.end();
});

t.test('a special token is broken behind its first character, wherever it stands', (t) => {
  const broken = `<${GUARD}|im_end|>`;
  t.equal(guarded('a<|im_end|>b<|im_end|>.'), `a${broken}b${broken}.`);
  const nested = { list: [{ '<|im_end|>': ['<|im_end|>.'] }] };
  t.strictSame(guardStrings(nested, TOKENS).value, { list: [{ [broken]: [`${broken}.`] }] } as object);
  t.end();
});

t.test('no occurrence is left where they overlap', (t) => {
  for (const text of ['aaa', 'aaaa', 'aaaaaaa']) t.notMatch(guarded(text, ['aa']), /aa/, text);
  t.notMatch(guarded('abababa', ['aba']), /aba/);
  t.end();
});

t.test('a text that ends in the beginning of a token is closed off', (t) => {
  for (const text of ['a <', '<|im_e', '<|im_end|']) t.equal(guarded(text), text + GUARD);
  t.equal(guarded('< '), '< ');
  t.end();
});

t.test('a role or type is not closed off, since templates compare it', (t) => {
  const { value } = guardStrings({ role: 'x<', type: '<|im_end|>', other: 'x<' }, TOKENS);
  t.strictSame(value, { role: 'x<', type: `<${GUARD}|im_end|>`, other: `x<${GUARD}` });
  t.end();
});

t.test('the guard is a character that the caller’s strings do not hold, keys included', (t) => {
  t.equal(guardStrings({ text: '\uFDD0', '\uFDD1': ['\uFDD2'] }, TOKENS).guard, '\uFDD3');
  const all = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i)).join('');
  t.throws(() => guardStrings([all], TOKENS), { code: 'invalid_value', param: 'messages' });
  t.equal(guardStrings([all.slice(0, -1)], TOKENS).guard, '\uFDEF');
  t.end();
});
