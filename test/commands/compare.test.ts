import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { runCompare } from '#halflight/commands/compare.js';
import { printed, refuses } from '../support/commands.js';
import { copyTinyModel, temporaryFolder } from '../support/models.js';

const SHORT = ['--device', 'cpu', '--input-len', '4', '--output-len', '3', '--repeats', '1'];
const TEXT = 'Once upon a time there was a fox. The fox had a lantern.';

t.test('schemes and other models stand beside the model as it is stored, also as a page', async (t) => {
  const [dir, other, folder] = [
    await copyTinyModel(t),
    await copyTinyModel(t, 'mistral'),
    await temporaryFolder(t),
  ];
  const [text, html] = [join(folder, 'text.txt'), join(folder, 'page.html')];
  await writeFile(text, TEXT);
  const args = [dir, '--schemes', `full,int8,${other}`, '--text', text, '--window', '8', ...SHORT];
  const result = JSON.parse(await printed(t, () => runCompare([...args, '--html', html, '--json'])));
  t.match(result.text, { file: text, protocol: 'windows', window: 8, numScored: 7 });
  const [full, int8, mistral] = result.rows;
  t.match([full, int8, mistral], [{ scheme: 'full' }, { scheme: 'int8' }, { scheme: other }]);
  t.equal(full.divergence, null);
  t.strictSame(full.perplexity, int8.divergence.reference);
  t.ok(int8.divergence.kl.mean < 0.01 && mistral.divergence.kl.mean > 0.1);
  for (const row of result.rows) t.ok(row.prefillThroughput > 0 && row.decodeThroughput > 0);
  const page = await readFile(html, 'utf8');
  t.ok(page.startsWith('<!doctype html>') && page.includes('<th scope="row">int8</th>'));
});

t.test('without a text bytes and speed are compared; fp16 is the model as it is stored', async (t) => {
  const args = [await copyTinyModel(t), '--schemes', 'fp16', ...SHORT];
  const lines = await printed(t, () => runCompare(args));
  t.match(
    lines,
    /\nscheme +on the device +prefill tok\/s +decode tok\/s\nfull \(.*\) +\d.*\nspeed of one request/,
  );
});

t.test('what cannot be compared is refused before anything is measured', async (t) => {
  const [dir, folder] = [await copyTinyModel(t), await temporaryFolder(t)];
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--schemes', 'full,int9'], /^--schemes: "int9" is no model, and none of full, int8/],
    [['--schemes', 'full,fp16'], /^--schemes: full is named twice$/],
    [['--html', folder], /^--html: .* is a directory/],
    [['--text', '/nowhere'], /^--text: \/nowhere: no such file/],
    [['--stride', '4', '--text', '/nowhere'], /^--stride: is for --protocol sliding/],
  ];
  for (const [args, line] of cases) await refuses(t, () => runCompare([dir, ...args, ...SHORT]), line);
});
