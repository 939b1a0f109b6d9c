import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { checkOutputs, saveReport, saveText } from '#halflight/commands/load-output.js';
import { refuses } from '../support/commands.js';
import { temporaryFolder } from '../support/models.js';

t.test('a file that cannot be written is told with its flag', async (t) => {
  await refuses(
    t,
    () => checkOutputs({ '--csv': null, '--html': '/nowhere/a' }),
    /^--html: \/nowhere: no such/,
  );
  await checkOutputs({ '--csv': null });
  await refuses(t, () => saveText('--csv', '/nowhere/a', ''), /^--csv: \/nowhere\/a: no such/);
});

t.test('a report is one file with all that it needs', async (t) => {
  const file = join(await temporaryFolder(t), 'a.html');
  await saveReport(file, { title: 'T', notes: [], tables: [], bars: [], charts: [] });
  t.match(await readFile(file, 'utf8'), /^<!doctype html>[\s\S]*uPlot/);
});
