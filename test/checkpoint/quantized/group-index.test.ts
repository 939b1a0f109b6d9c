import t from 'tap';
import { columnGroups, orderOf, readGroupIndex } from '#halflight/checkpoint/quantized/group-index.js';
import { modulesWith } from '#halflight/checkpoint/quantized/tensors.js';
import { openWritten } from './packers.js';

const indexOf = async (groups: readonly number[], groupSize: number | null, numGroups: number) => {
  const data = Int32Array.from(groups);
  const checkpoint = await openWritten(t, null, [
    { name: 'a.g_idx', dtype: 'I32', shape: [data.length], data },
  ]);
  const [tensors] = modulesWith(checkpoint, 'g_idx');
  const index = await readGroupIndex(tensors, tensors.anchor, groupSize, numGroups);
  return index === null ? null : [...index];
};

t.test('groups that follow one another need no index', async (t) => {
  t.equal(await indexOf([0, 0, 1, 1, 2], 2, 3), null);
  t.equal(await indexOf([0, 0, 0], null, 1), null);
  t.strictSame(await indexOf([0, 1, 0, 1], 2, 2), [0, 1, 0, 1]);
});

t.test('a group that does not exist is refused', async (t) => {
  await t.rejects(indexOf([0, 2], 1, 2), { message: /a\.g_idx: column 1 is in group 2 of 2/ });
  await t.rejects(indexOf([-1, 0], 1, 2), { name: 'CheckpointError' });
});

t.test('columns of a group are brought together in their own order, where groups are of one size', (t) => {
  const index = Uint32Array.from({ length: 80 }, (_, k) => (k < 16 ? 2 : (k + 1) % 2));
  const groups = columnGroups(index, 32);
  const odd = Array.from({ length: 32 }, (_, i) => 17 + 2 * i);
  const even = Array.from({ length: 32 }, (_, i) => 16 + 2 * i);
  t.strictSame([...(groups?.order ?? [])], [...odd, ...even, ...Array(16).keys()]);
  t.equal(orderOf(groups).columns, groups?.order);
  t.end();
});

t.test('groups of different or small sizes have no order', (t) => {
  const uneven = Uint32Array.from({ length: 64 }, (_, k) => (k < 33 ? 1 : 0));
  t.strictSame(columnGroups(uneven, 32), { index: uneven, order: null });
  const small = Uint32Array.from({ length: 64 }, (_, k) => k % 4);
  t.strictSame(columnGroups(small, 16), { index: small, order: null });
  t.strictSame([orderOf(columnGroups(small, 16)), orderOf(null), columnGroups(null, 32)], [{}, {}, null]);
  t.end();
});
