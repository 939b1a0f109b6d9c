import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runEval } from '#halflight/commands/eval.js';
import { printed, refuses } from '../support/commands.js';
import { copyTinyModel, temporaryFolder } from '../support/models.js';

const TEXT =
  'Once upon a time there was a fox. The fox had a lantern, and the lantern was very old. One night a storm came, ' +
  'and the fox went out to look for a friend who was lost in the wood. It found a hare, a mouse and a badger, and they all went home.';

// Expected figures are of transformers 5.12 in f32, logarithms and sums in f64, on the same tiny models with random weights.

async function report(t: Test, args: readonly string[]): Promise<Record<string, number>> {
  return JSON.parse(await printed(t, () => runEval([...args, '--device', 'cpu', '--json'])));
}

/** f32 of transformers against f64: of losses near 8, up to some 1e-6; a mean of them and its error are as near. */
function near(t: Test, actual: number, expected: number): void {
  t.ok(Math.abs(actual - expected) < 1e-5 * Math.max(1, Math.abs(expected)), `${actual} is ${expected}`);
}

async function fileOf(t: Test, text: string): Promise<string> {
  const file = join(await temporaryFolder(t), 'text');
  await writeFile(file, text);
  return file;
}

t.test('the perplexity of plain windows is that of transformers, as JSON or for people', async (t) => {
  const args = [await copyTinyModel(t), '--text', await fileOf(t, TEXT), '--window', '16'];
  const result = await report(t, args);
  t.match(result, { numTokens: 65, numScored: 60, window: 16, protocol: 'windows' });
  near(t, result.meanNll, 7.962281109889231);
  near(t, result.standardError, 0.11272934755466954);
  const line = `perplexity ${result.perplexity.toFixed(4)} ± ${result.perplexityError.toFixed(4)} (60 of 65 tokens scored)\n`;
  t.equal(await printed(t, () => runEval([...args, '--device', 'cpu'])), line);
});

t.test('a sliding window scores every token but the first with as much context as fits', async (t) => {
  const sliding = ['--protocol', 'sliding', '--window', '24', '--stride', '8'];
  const result = await report(t, [await copyTinyModel(t), '--text', await fileOf(t, TEXT), ...sliding]);
  t.match(result, { numScored: 64, window: 24, stride: 8, protocol: 'sliding' });
  near(t, result.meanNll, 8.03079757192709);
  near(t, result.standardError, 0.10532951833650248);
});

t.test('how far a model is from another is what transformers measures', async (t) => {
  const [model, other] = [await copyTinyModel(t), await copyTinyModel(t, 'mistral')];
  const args = [model, '--against', other, '--text', await fileOf(t, TEXT), '--window', '16'];
  const result: Record<string, Record<string, number>> = JSON.parse(
    await printed(t, () => runEval([...args, '--device', 'cpu', '--json'])),
  );
  near(t, result.kl.mean, 0.8547881615882675);
  near(t, result.kl.standardError, 0.006743957026225338);
  near(t, result.kl.median, 0.8599480975044097);
  near(t, result.kl.p99, 0.9611692990481253);
  near(t, result.kl.max, 0.9679857313154143);
  near(t, result.logLikelihoodDifference.mean, -0.12991782091798038);
  near(t, result.logLikelihoodDifference.standardError, 0.16257899245100718);
  t.strictSame(result.topAgreement, { mean: 0, standardError: 0 });
  near(t, result.model.meanNll, 7.962281109889231);
  near(t, result.perplexityRatio.mean, result.model.perplexity / result.reference.perplexity);
});

t.test('full is the same model as it is stored', async (t) => {
  const args = [await copyTinyModel(t), '--text', await fileOf(t, TEXT), '--window', '16', '--device', 'cpu'];
  const lines = await printed(t, () => runEval([...args, '--against', 'full', '--quantization', 'int8']));
  t.match(lines, /^perplexity +\d+\.\d+ ± .* \(60 of 65 tokens scored\)\n {2}of the reference +2870\.6/);
  t.match(
    lines,
    /\nKL divergence +0\.000\d{3} ± .* nats; median .*\nsame likeliest token +\d+\.\d\d ± .* %\n$/,
  );
  await refuses(
    t,
    () => runEval([...args, '--against', 'full']),
    /^--against: full is MODEL without --quantization/,
  );
});

t.test('choices are as likely as transformers finds them', async (t) => {
  const questions = [
    { context: 'The fox had a', choices: [' lantern', ' very old lantern', 'n idea'], answer: 0 },
    { context: 'Once upon a', choices: [' time', ' tree'], answer: 0 },
  ];
  const file = await fileOf(t, questions.map((question) => JSON.stringify(question)).join('\n'));
  const args = [await copyTinyModel(t), '--task', file, '--device', 'cpu'];
  const result = JSON.parse(await printed(t, () => runEval([...args, '--json'])));
  const expected = [
    [-7.582465390201323, -24.904326478444467, -32.223864366024465],
    [-9.894252171336127, -7.959115026114895],
  ];
  for (const [i, { line, choices }] of result.questions.entries()) {
    t.equal(line, i + 1);
    for (const [k, { logLikelihood }] of choices.entries()) near(t, logLikelihood, expected[i][k]);
  }
  t.match(result, { numQuestions: 2, accuracy: { mean: 0.5, standardError: 0.5 } });
  t.match(await printed(t, () => runEval(args)), /^2 questions\naccuracy +50\.00 ± 50\.00 %\n/);
});

t.test('refuses what it cannot score', async (t) => {
  const dir = await copyTinyModel(t);
  const file = await fileOf(t, 'word '.repeat(1000));
  const text = [dir, '--text', file, '--device', 'cpu'];
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^--text: name a text file$/],
    [['--text', '/nowhere'], /^--text: \/nowhere: no such file or directory$/],
    [['--text', file, '--task', file], /^--text, --task: give one of the two$/],
    [['--task', file, '--against', dir], /^--against: compares models on a --text/],
    [['--task', file, '--stride', '2'], /^--protocol, --window, --stride: cut a --text/],
    [['--text', '/dev/null', '--protocol', 'sliding'], /^--text: \/dev\/null: 0 tokens, fewer than two$/],
    [['--task', file], /^--task: .*: line 1: not JSON$/],
    [
      [...text, '--window', '9999'],
      /^--text: .*: \d+ tokens, fewer than one window of 9999; see --protocol and --window$/,
    ],
    [[...text, '--window', '600'], /^--window: 600 tokens, but the model takes 512$/],
    [
      [...text, '--protocol', 'gptq-2048'],
      /^--(text: .*: \d+ tokens, fewer than one window of 2048|protocol: gptq-2048 needs windows of 2048)/,
    ],
    [[...text, '--against', '/nowhere'], /^--against: \/nowhere: no such directory/],
  ];
  for (const [args, line] of cases) await refuses(t, () => runEval(args), line);
});

t.test('models of other vocabularies are not compared', async (t) => {
  const [dir, other] = [await copyTinyModel(t), await copyTinyModel(t)];
  const args = [
    dir,
    '--against',
    other,
    '--text',
    await fileOf(t, TEXT),
    '--window',
    '16',
    '--device',
    'cpu',
  ];
  const file = join(other, 'tokenizer.json');
  const tokenizer = JSON.parse(await readFile(file, 'utf8'));
  tokenizer.pre_tokenizer = null;
  tokenizer.model.merges = [];
  await writeFile(file, JSON.stringify(tokenizer));
  await refuses(t, () => runEval(args), /^--against: its tokenizer differs from that of MODEL/);
});
