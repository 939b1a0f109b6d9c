import t from 'tap';
import type { ScaledFold } from '#halflight/calibrate/folded-source.js';
import { keptFolds } from '#halflight/calibrate/job/fold-file.js';
import { temporaryFolder } from '../../support/models.js';

const FOLD: ScaledFold = {
  layer: 0,
  stack: 'qkv',
  producer: { kind: 'norm', weight: 'norm.weight', bias: null },
  consumers: ['q.weight'],
  cols: 2,
  scales: Float64Array.of(1 / 3, Math.PI),
};

t.test('folds that were found are not found again, and are the same to the bit', async (t) => {
  const dir = await temporaryFolder(t);
  const never = () => Promise.reject(new Error('found again'));
  t.strictSame(await keptFolds(dir, 'job', async () => [FOLD]), [FOLD]);
  t.strictSame(await keptFolds(dir, 'job', never), [FOLD]);
  await t.rejects(keptFolds(dir, 'other', never), /found again/);
});
