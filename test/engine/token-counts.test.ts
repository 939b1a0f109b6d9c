import t from 'tap';
import { TokenCounts } from '#halflight/engine/token-counts.js';

t.test('a token counts as of the prompt once, and in the output as often as it stands there', async (t) => {
  const counts = new TokenCounts([5, 6, 5]);
  for (const id of [6, 7, 7]) counts.add(id);
  t.same(counts.list(), [
    { tokenId: 5, inPrompt: true, count: 0 },
    { tokenId: 6, inPrompt: true, count: 1 },
    { tokenId: 7, inPrompt: false, count: 2 },
  ]);
});

t.test('drafts count in the list that is asked for, and not later', async (t) => {
  const counts = new TokenCounts([5]);
  const before = counts.list();
  t.same(counts.list([5, 9]), [
    { tokenId: 5, inPrompt: true, count: 1 },
    { tokenId: 9, inPrompt: false, count: 1 },
  ]);
  t.same(counts.list(), before);
});
