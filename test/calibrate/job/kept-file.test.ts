import t from 'tap';
import { keptResult } from '#halflight/calibrate/job/kept-file.js';
import { temporaryFolder } from '../../support/models.js';

t.test('what a job has found is not found again, and another job finds its own', async (t) => {
  const dir = await temporaryFolder(t);
  const never = () => Promise.reject(new Error('found again'));
  const found = [1 / 3, Number.MIN_VALUE, 1e300];
  t.strictSame(await keptResult(dir, 'found.json', 'job', async () => found), found);
  t.strictSame(await keptResult(dir, 'found.json', 'job', never), found);
  await t.rejects(keptResult(dir, 'found.json', 'other', never), /found again/);
  await t.rejects(keptResult(dir, 'others.json', 'job', never), /found again/);
});
