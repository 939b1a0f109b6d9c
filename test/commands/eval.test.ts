import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { runEval } from '#halflight/commands/eval.js';
import { printed, refuses } from '../support/commands.js';
import { copyTinyModel, temporaryFolder } from '../support/models.js';

t.test('prints the perplexity of a text, as JSON or for people', async (t) => {
  const dir = await copyTinyModel(t);
  const file = join(await temporaryFolder(t), 'text.txt');
  await writeFile(file, '<|endoftext|>Once upon a time there was a fox. The fox had a lantern.');
  const args = [dir, '--text', file, '--window', '8', '--device', 'cpu'];
  const result = JSON.parse(await printed(t, () => runEval([...args, '--json']))) as Record<string, number>;
  t.match(result, { perplexity: Number, numTokens: Number, numScored: Number, window: 8 });
  t.equal(result.numScored, 7 * Math.floor(result.numTokens / 8));
  t.equal(
    await printed(t, () => runEval(args)),
    `perplexity ${result.perplexity.toFixed(4)} (${result.numScored} of ${result.numTokens} tokens scored)\n`,
  );
});

t.test('refuses what it cannot score', async (t) => {
  const dir = await copyTinyModel(t);
  const file = join(await temporaryFolder(t), 'text.txt');
  await writeFile(file, 'word '.repeat(1000));
  await refuses(t, () => runEval([]), /^--text: name a text file$/);
  await refuses(t, () => runEval(['--text', '/nowhere']), /^--text: \/nowhere: no such file or directory$/);
  await refuses(
    t,
    () => runEval(['--text', file, '--window', '9999']),
    /^--text: .*: \d+ tokens, fewer than one window/,
  );
  const tooLong = [dir, '--text', file, '--window', '600', '--device', 'cpu'];
  await refuses(t, () => runEval(tooLong), /^--window: 600 tokens, but the model takes 512$/);
});
