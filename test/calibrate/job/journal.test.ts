import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { Journal } from '#halflight/calibrate/job/journal.js';
import { JOURNAL_FILE } from '#halflight/calibrate/job/outputs.js';
import { temporaryFolder } from '../../support/models.js';

const ENTRY = { tensor: 'a', error: 0.5, notes: ['b'], seconds: 1 };

t.test('what was added is found again', async (t) => {
  const dir = await temporaryFolder(t);
  const journal = await Journal.open(dir, 'job');
  t.equal(journal.done.size, 0);
  await journal.add(ENTRY);
  t.strictSame((await Journal.open(dir, 'job')).done, new Map([['a', ENTRY]]));
});

t.test('a line that was cut off does not count', async (t) => {
  const dir = await temporaryFolder(t);
  await (await Journal.open(dir, 'job')).add(ENTRY);
  const file = join(dir, JOURNAL_FILE);
  const whole = await readFile(file, 'utf8');
  await appendFile(file, '{"tensor":"c","err');
  t.strictSame((await Journal.open(dir, 'job')).done, new Map([['a', ENTRY]]));
  t.equal(await readFile(file, 'utf8'), whole);
});

t.test('a folder of another job is refused', async (t) => {
  const dir = await temporaryFolder(t);
  await Journal.open(dir, 'job');
  await t.rejects(Journal.open(dir, 'other'), {
    name: 'UserError',
    message: /is of another job.*--overwrite/,
  });
});
