import t from 'tap';
import { numHeadsToRestore, restoreRows } from '#halflight/checkpoint/gguf/rows.js';
import { fieldsOf } from '../../support/gguf.js';

t.test('the halves of each head come together again', (t) => {
  // Two heads of 6 rows: the converter has put rows 0, 3, 1, 4, 2, 5 of each one after another.
  const stored = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11];
  const rowsOfTwoBytes = Uint8Array.from(stored.flatMap((row) => [row, 100 + row]));
  const expected = stored.map((_, row) => row).flatMap((row) => [row, 100 + row]);
  t.same([...restoreRows(rowsOfTwoBytes, 2, 12, 2)], expected);
  t.end();
});

t.test(
  'heads are told of Q and K of the architectures that the converter reorders, and of nothing else',
  (t) => {
    const metadata = (architecture: string) =>
      fieldsOf({
        'general.architecture': architecture,
        [`${architecture}.attention.head_count`]: 4,
        [`${architecture}.attention.head_count_kv`]: 2,
      });
    for (const architecture of ['llama', 'granite', 'smollm3']) {
      t.equal(numHeadsToRestore(metadata(architecture), 'blk.0.attn_q.weight'), 4);
      t.equal(numHeadsToRestore(metadata(architecture), 'blk.11.attn_k.bias'), 2);
      t.equal(numHeadsToRestore(metadata(architecture), 'blk.0.attn_v.weight'), null);
      t.equal(numHeadsToRestore(metadata(architecture), 'blk.0.attn_q_norm.weight'), null);
    }
    t.equal(numHeadsToRestore(metadata('qwen2'), 'blk.0.attn_q.weight'), null);
    t.end();
  },
);
