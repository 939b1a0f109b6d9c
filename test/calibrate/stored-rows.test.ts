import { readdirSync } from 'node:fs';
import t from 'tap';
import { storeRows } from '#halflight/calibrate/stored-rows.js';
import type { LogitsSource, Window } from '#halflight/calibrate/windows.js';
import { FAKE_VOCAB, NextIdRows } from '../support/fake-rows.js';
import { temporaryFolder } from '../support/models.js';

const windows = [
  { tokenIds: [0, 1, 3], firstScored: 1 },
  { tokenIds: [2, 2, 3, 1], firstScored: 2 },
];

async function rowsOf(source: LogitsSource, window: Window): Promise<number[][]> {
  const rows: number[][] = [];
  for await (const row of source.rows(window)) rows.push([...row]);
  return rows;
}

t.test('rows come back as they were, in any order of windows, and the file goes', async (t) => {
  const parent = await temporaryFolder(t);
  const source = new NextIdRows(2);
  const told: number[] = [];
  const stored = await storeRows(source, windows, { parent, onWindow: (done) => told.push(done) });
  t.equal(stored.vocabSize, FAKE_VOCAB);
  t.strictSame(told, [1, 2]);
  t.equal(readdirSync(parent).length, 1);
  for (const window of windows.toReversed())
    t.strictSame(await rowsOf(stored, window), await rowsOf(source, window));
  await t.rejects(rowsOf(stored, { ...windows[0] }), /was not stored/);
  await stored.close();
  t.strictSame(readdirSync(parent), []);
});

t.test('logits that the disk has no room for are refused before any is computed', async (t) => {
  const source = { vocabSize: 2 ** 52, rows: () => t.fail('asked') as never };
  await t.rejects(
    storeRows(source, windows),
    /do not fit the device together, .* shorten the text, or set TMPDIR/,
  );
});

t.test('a model that fails leaves no file', async (t) => {
  const parent = await temporaryFolder(t);
  const broken = {
    vocabSize: 1,
    // biome-ignore lint/correctness/useYield: it fails before its first row
    async *rows(): AsyncGenerator<Float32Array> {
      throw new Error('lost');
    },
  };
  await t.rejects(storeRows(broken, windows, { parent }), /lost/);
  t.strictSame(readdirSync(parent), []);
});
