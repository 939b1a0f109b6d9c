import t from 'tap';
import { modelRows, numScored, scoredIds } from '#halflight/calibrate/windows.js';

const window = { tokenIds: [7, 8, 9, 5, 6], firstScored: 3 };

t.test(
  'a model is asked for the rows before the scored tokens, and not for the last token’s own',
  async (t) => {
    const asked: unknown[] = [];
    const model = {
      vocabSize: 2,
      async *rows(tokenIds: readonly number[], first: number) {
        asked.push(tokenIds, first);
        yield Float32Array.of(1, 2);
        yield Float32Array.of(3, 4);
      },
    };
    const rows: number[][] = [];
    for await (const row of modelRows(model).rows(window)) rows.push([...row]);
    t.strictSame(asked, [[7, 8, 9, 5], 2]);
    t.strictSame(rows, [
      [1, 2],
      [3, 4],
    ]);
  },
);

t.test('a chunk of several rows is cut into them', async (t) => {
  const model = {
    vocabSize: 2,
    async *rows() {
      yield Float32Array.of(1, 2, 3, 4);
    },
  };
  const rows: number[][] = [];
  for await (const row of modelRows(model).rows(window)) rows.push([...row]);
  t.strictSame(rows, [
    [1, 2],
    [3, 4],
  ]);
});

t.test('scored tokens are those from the first scored on', (t) => {
  t.strictSame(scoredIds(window), [5, 6]);
  t.equal(numScored([window, window]), 4);
  t.end();
});
