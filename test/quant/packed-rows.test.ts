import fc from 'fast-check';
import t from 'tap';
import {
  chunksOf,
  type PackedRows,
  ROW_STEP,
  stackSources,
  wholeRows,
} from '#halflight/quant/packed-rows.js';
import { sliceRows, stackRows } from '#halflight/quant/rows.js';
import type { PackedWeight } from '#halflight/quant/weight.js';
import { Random } from '../support/random.js';
import { randomWeight, WEIGHT_FORMATS } from '../support/weights.js';

function sourceOf(weight: PackedWeight): PackedRows {
  return wholeRows(weight, async () => weight);
}

const formatNames = fc.constantFrom(...Object.keys(WEIGHT_FORMATS));
const numRows = fc.integer({ min: 1, max: 80 });

t.test('chunks of stacked sources are the rows of the stacked weight, in whole steps', async (t) => {
  const weights = (format: string, counts: readonly number[], cols: number) =>
    counts.map((rows, i) => randomWeight(new Random(i), format, rows, cols));
  await fc.assert(
    fc.asyncProperty(
      formatNames,
      fc.array(numRows, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 20_000 }),
      async (format, counts, cols, maxBytes) => {
        const parts = weights(format, counts, cols);
        const [whole] = stackRows(parts);
        const [source, ...others] = stackSources(parts.map(sourceOf));
        t.equal(others.length, 0);
        let next = 0;
        for await (const { start, weight } of chunksOf(source, 0, source.rows, maxBytes)) {
          t.equal(start, next);
          t.equal(start % ROW_STEP, 0);
          t.strictSame(weight, sliceRows(whole, start, weight.rows));
          next = start + weight.rows;
        }
        t.equal(next, whole.rows);
      },
    ),
    { numRuns: 40 },
  );
});

t.test('sources of other formats or columns stay apart', (t) => {
  const random = new Random(1);
  const [a, b, c] = [
    randomWeight(random, 'int8', 4, 32),
    randomWeight(random, 'bf16', 4, 32),
    randomWeight(random, 'bf16', 4, 64),
  ];
  t.strictSame(
    stackSources([a, a, b, c].map(sourceOf)).map(({ rows }) => rows),
    [8, 4, 4],
  );
  t.end();
});

t.test(
  'a whole weight is made once, when it is first asked for, and let go with its last rows',
  async (t) => {
    let made = 0;
    const weight = randomWeight(new Random(2), 'int4-g32', 70, 64);
    const source = wholeRows(weight, async () => {
      made++;
      return weight;
    });
    t.equal(made, 0);
    for (const start of [0, 32]) await source.read(start, 32);
    t.equal(made, 1);
    t.strictSame(await source.read(64, 6), sliceRows(weight, 64, 6));
    await source.read(0, 1);
    t.equal(made, 2);
  },
);

t.test('rows that cannot be read reject where they are used, also when they are read ahead', async (t) => {
  const weight = randomWeight(new Random(3), 'f32', 96, 32);
  const failing: PackedRows = {
    ...weight,
    read: async (start, count) => {
      if (start === 32) throw new Error('gone');
      return sliceRows(weight, start, count);
    },
  };
  const starts: number[] = [];
  const use = async () => {
    for await (const { start } of chunksOf(failing, 0, 96, 1)) starts.push(start);
  };
  await t.rejects(use(), { message: 'gone' });
  t.strictSame(starts, [0]);
});
