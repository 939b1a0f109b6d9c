import t from 'tap';
import { extendBlockNames } from '#halflight/engine/block-names.js';

function names(tokenIds: readonly number[], salt = ''): string[] {
  const known: string[] = [];
  extendBlockNames(known, tokenIds, { blockSize: 4, salt });
  return known;
}

t.test('only full blocks have names, and a name does not depend on what follows', async (t) => {
  t.equal(names([1, 2, 3]).length, 0);
  t.equal(names([1, 2, 3, 4, 5]).length, 1);
  t.same(names([1, 2, 3, 4, 5, 6, 7, 8]).slice(0, 1), names([1, 2, 3, 4, 9]));
});

t.test('a name tells apart texts that differ anywhere before it', async (t) => {
  const second = names([1, 2, 3, 4, 5, 6, 7, 8])[1];
  t.not(names([9, 2, 3, 4, 5, 6, 7, 8])[1], second);
  t.not(names([5, 6, 7, 8])[0], second);
  t.not(names([1, 2, 3, 4, 5, 6, 7, 9])[1], second);
});

t.test('a salt makes every name another', async (t) => {
  const tokens = [1, 2, 3, 4, 5, 6, 7, 8];
  const all = [...names(tokens), ...names(tokens, 'a'), ...names(tokens, 'b')];
  t.equal(new Set(all).size, all.length);
});

t.test('names grow with the text', async (t) => {
  const known = names([1, 2, 3, 4]);
  extendBlockNames(known, [1, 2, 3, 4, 5, 6, 7, 8], { blockSize: 4, salt: '' });
  t.same(known, names([1, 2, 3, 4, 5, 6, 7, 8]));
});
