import t from 'tap';
import { floatBits, NONE } from '#halflight/ops/batch-layout.js';
import {
  EDIT,
  editedRows,
  editsLength,
  grownLength,
  IN_PROMPT,
  readEdits,
  writeEdits,
} from '#halflight/ops/edits-layout.js';
import { type LogitsEdits, pendingToken, type SamplingRow } from '#halflight/ops/ops.js';
import { GREEDY, NEUTRAL } from '../support/batches.js';

const FULL: LogitsEdits = {
  repetition: 1.5,
  frequency: -0.5,
  presence: 2,
  counts: [
    { tokenId: 7, inPrompt: true, count: 0 },
    { tokenId: 8, inPrompt: false, count: 3 },
  ],
  pending: pendingToken(4),
  biases: [
    { tokenId: 9, bias: -100, after: null },
    { tokenId: 9, bias: 0.25, after: 8 },
  ],
  allowed: Uint32Array.of(0xffff_0000, 5),
};
/** A vocabulary of 40 tokens; row 1 has no edits. */
const SAMPLING: readonly SamplingRow[] = [{ ...GREEDY, edits: NEUTRAL }, GREEDY, { ...GREEDY, edits: FULL }];

function written(): Uint32Array<ArrayBuffer> {
  const edited = editedRows(SAMPLING);
  const words = new Uint32Array(editsLength(edited));
  writeEdits(edited, words);
  return words;
}

t.test('headers come first, then what they point to, and nothing beyond the length', (t) => {
  const words = written();
  const body = 2 * EDIT.words;
  t.equal(words.length, body + 2 * 2 + 2 * 3 + 2);
  t.strictSame(
    [...words.subarray(EDIT.words, EDIT.words + 10)],
    [
      [2, 4, floatBits(1.5), floatBits(-0.5), floatBits(2)],
      [body, 2, body + 4, 2, body + 10],
    ].flat(),
  );
  t.strictSame(
    [...words.subarray(body)],
    [
      [7, IN_PROMPT, 8, 3],
      [9, floatBits(-100), NONE, 9, floatBits(0.25), 8],
      [0xffff_0000, 5],
    ].flat(),
  );
  t.end();
});

t.test('what is absent is marked', (t) => {
  const words = written();
  t.strictSame([words[EDIT.pending], words[EDIT.allowed]], [NONE, NONE]);
  t.strictSame([words[EDIT.numCounts], words[EDIT.numBiases]], [0, 0]);
  t.end();
});

t.test('edits are read as they were written', (t) => {
  t.strictSame(readEdits(written(), 0, 40), { row: 0, edits: NEUTRAL });
  t.strictSame(readEdits(written(), 1, 40), { row: 2, edits: FULL });
  t.end();
});

t.test('room doubles until it is enough', (t) => {
  t.strictSame(
    [0, 4096, 4097, 100_000].map((length) => grownLength(4096, length)),
    [4096, 4096, 8192, 131_072],
  );
  t.end();
});
