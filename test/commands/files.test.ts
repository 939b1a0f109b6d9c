import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { checkWritable, fileProblem, readTextFile } from '#halflight/commands/files.js';
import { refuses } from '../support/commands.js';
import { temporaryFolder } from '../support/models.js';

t.test('a text file is read', async (t) => {
  const file = join(await temporaryFolder(t), 'a.txt');
  await writeFile(file, 'héllo');
  t.equal(await readTextFile('--text', file), 'héllo');
});

t.test('a file that cannot be read is refused with the flag and the path', async (t) => {
  const dir = await temporaryFolder(t);
  await refuses(t, () => readTextFile('--text', join(dir, 'none')), /^--text: .*none: no such file/);
  await refuses(t, () => readTextFile('--text', dir), /^--text: .*: is a directory; name a file$/);
});

t.test('a file can be written where its folder exists', async (t) => {
  const dir = await temporaryFolder(t);
  await checkWritable('--save-logits', join(dir, 'new'));
  await refuses(t, () => checkWritable('--save-logits', dir), /^--save-logits: .*: is a directory/);
  await refuses(
    t,
    () => checkWritable('--save-logits', join(dir, 'no', 'new')),
    /^--save-logits: .*no: no such/,
  );
});

t.test('an error that is no file’s is left as it is', (t) => {
  const error = new RangeError('our own');
  t.equal(fileProblem('--text', 'a', error), error);
  t.end();
});
