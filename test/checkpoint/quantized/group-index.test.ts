import t from 'tap';
import { readGroupIndex } from '#halflight/checkpoint/quantized/group-index.js';
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
