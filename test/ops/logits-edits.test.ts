import t from 'tap';
import { editRow } from '#halflight/ops/logits-edits.js';
import { BANNED, type LogitsEdits } from '#halflight/ops/ops.js';
import { NEUTRAL } from '../support/batches.js';

const LOGITS = [2, -2, 0, 8];

function edited(edits: Partial<LogitsEdits>, pending: number | null = null): number[] {
  return [...editRow(LOGITS, { ...NEUTRAL, ...edits }, pending)];
}

t.test('neutral edits leave the logits, and the row itself is never written', (t) => {
  const counts = LOGITS.map((_, tokenId) => ({ tokenId, inPrompt: true, count: 3 }));
  t.strictSame(edited({ counts }, 2), [2, -2, 0, 8]);
  t.strictSame(LOGITS, [2, -2, 0, 8]);
  t.end();
});

t.test('tokens whose bit is not set are banned', (t) => {
  t.strictSame(edited({ allowed: Uint32Array.of(0b0110) }), [BANNED, -2, 0, BANNED]);
  const wide = new Array<number>(33).fill(1);
  const row = editRow(wide, { ...NEUTRAL, allowed: Uint32Array.of(1 << 31, 1) }, null);
  t.strictSame(
    [...row.keys()].filter((id) => row[id] === 1),
    [31, 32],
  );
  t.end();
});

t.test('a bias is added, and the lowest one bans', (t) => {
  const biases = [
    { tokenId: 0, bias: 1.5, after: null },
    { tokenId: 3, bias: BANNED, after: null },
  ];
  t.strictSame(edited({ biases }), [3.5, -2, 0, BANNED]);
  t.end();
});

t.test('a bias that waits for a token holds only where that one is pending', (t) => {
  const biases = [
    { tokenId: 0, bias: 1, after: null },
    { tokenId: 0, bias: 10, after: 5 },
    { tokenId: 1, bias: BANNED, after: 6 },
  ];
  t.strictSame(edited({ biases }), [3, -2, 0, 8]);
  t.strictSame(edited({ biases }, 5), [13, -2, 0, 8]);
  t.strictSame(edited({ biases }, 6), [3, BANNED, 0, 8]);
  t.end();
});

t.test('repetition weakens what prompt or output hold, whatever its sign', (t) => {
  const counts = [
    { tokenId: 0, inPrompt: true, count: 0 },
    { tokenId: 1, inPrompt: false, count: 2 },
    { tokenId: 2, inPrompt: true, count: 1 },
  ];
  t.strictSame(edited({ repetition: 2, counts }), [1, -4, 0, 8]);
  t.end();
});

t.test('frequency counts each time in the output, presence the first, and the prompt neither', (t) => {
  const counts = [
    { tokenId: 0, inPrompt: true, count: 0 },
    { tokenId: 1, inPrompt: true, count: 3 },
    { tokenId: 3, inPrompt: false, count: 1 },
  ];
  t.strictSame(edited({ frequency: 0.5, counts }), [2, -3.5, 0, 7.5]);
  t.strictSame(edited({ presence: 0.25, counts }), [2, -2.25, 0, 7.75]);
  t.end();
});

t.test('a pending token counts as one more of the output, known before or not', (t) => {
  const counts = [
    { tokenId: 0, inPrompt: true, count: 0 },
    { tokenId: 3, inPrompt: false, count: 2 },
  ];
  const penalties = { repetition: 2, frequency: 1, presence: 0.5, counts };
  t.strictSame(edited(penalties), [1, -2, 0, 1.5]);
  t.strictSame(edited(penalties, 0), [-0.5, -2, 0, 1.5]);
  t.strictSame(edited(penalties, 3), [1, -2, 0, 0.5]);
  t.strictSame(edited(penalties, 1), [1, -5.5, 0, 1.5]);
  t.end();
});

t.test('penalties see the logits after the biases', (t) => {
  const biases = [{ tokenId: 0, bias: -3, after: null }];
  const counts = [{ tokenId: 0, inPrompt: true, count: 0 }];
  t.strictSame(edited({ repetition: 2, biases, counts }), [-2, -2, 0, 8]);
  t.end();
});

t.test('a banned token stays banned, and no logit leaves the range of f32', (t) => {
  const all = LOGITS.map((_, tokenId) => tokenId);
  const row = editRow(
    [BANNED, 1e38, -1e38, 1],
    {
      repetition: 1e-6,
      frequency: -1000,
      presence: -1000,
      counts: all.map((tokenId) => ({ tokenId, inPrompt: true, count: 1 })),
      pending: null,
      biases: all.map((tokenId) => ({ tokenId, bias: 3e38, after: null })),
      allowed: Uint32Array.of(0b0111),
    },
    null,
  );
  t.equal(row[0], BANNED);
  t.equal(row[1], -BANNED);
  t.ok(row.every((logit) => Math.abs(logit) <= -BANNED));
  t.equal(row[3], BANNED);
  t.end();
});
