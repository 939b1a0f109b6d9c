import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { runGenerate } from '#halflight/commands/generate.js';
import { halflight } from '../support/cli.js';
import { printed, refuses } from '../support/commands.js';
import { copyTinyModel, fable, temporaryFolder } from '../support/models.js';

const { prompts } = JSON.parse(readFileSync(join(fable, 'reference.json'), 'utf8')) as {
  prompts: { text: string; greedy: string }[];
};

t.test('--json is one line with text, token ids and finish reason, and nothing else', async (t) => {
  const [{ text, greedy }] = prompts;
  const { code, stdout, stderr } = await halflight(
    'generate',
    '--prompt',
    text,
    '--max-tokens',
    '8',
    '--json',
    '--no-autotune',
  );
  t.equal(code, 0);
  t.match(stdout, /^\{.*\}\n$/);
  const answer = JSON.parse(stdout) as Record<string, unknown>;
  t.strictSame(Object.keys(answer), ['text', 'token_ids', 'finish_reason']);
  t.match(answer, { text: String, token_ids: { length: 8 }, finish_reason: 'length' });
  t.ok(greedy.startsWith(String(answer.text)), `transformers says ${greedy.slice(0, 40)}`);
  t.match(stderr, /^loading weights: .* MB\ncompiling kernels\n$/);
});

/** Runs on the CPU reference in this process. */
const onCpu = (t: Test, dir: string, ...args: string[]) =>
  printed(t, () => runGenerate([dir, '--device', 'cpu', '--max-tokens', '4', ...args]));

t.test('the text is printed as it comes, to its last piece', async (t) => {
  const dir = await copyTinyModel(t);
  const args = ['--prompt', 'Hello', '--ignore-eos'];
  const { text } = JSON.parse(await onCpu(t, dir, ...args, '--json')) as { text: string };
  t.equal(await onCpu(t, dir, ...args), `${text}\n`);
});

t.test('token ids need no tokenizer', async (t) => {
  const dir = await copyTinyModel(t);
  await rm(join(dir, 'tokenizer.json'));
  await rm(join(dir, 'tokenizer_config.json'));
  const answer = JSON.parse(await onCpu(t, dir, '--prompt-token-ids', '5,6,7', '--ignore-eos', '--json'));
  t.match(answer, { text: '', token_ids: { length: 4 }, finish_reason: 'length' });
  await t.rejects(runGenerate([dir, '--prompt', 'Hello']), /tokenizer\.json: file: cannot be read/);
});

t.test('--save-logits writes a row of logits for each token of the prompt', async (t) => {
  const dir = await copyTinyModel(t);
  const file = join(await temporaryFolder(t), 'logits.safetensors');
  await onCpu(t, dir, '--prompt-token-ids', '5,6,7', '--save-logits', file);
  const saved = await openSafetensors(file);
  t.match([...saved.tensors.values()], [{ name: 'logits', dtype: 'F32', shape: [3, 2048] }]);
  const values = await saved.readF32('logits');
  t.ok(values.every(Number.isFinite));
  await saved.close();
});

t.test('a temperature draws by the seed', async (t) => {
  const dir = await copyTinyModel(t);
  const draw = (seed: string) =>
    onCpu(t, dir, '--prompt-token-ids', '5', '--temperature', '2', '--ignore-eos', '--seed', seed, '--json');
  t.equal(await draw('1'), await draw('1'));
  t.not(await draw('1'), await draw('2'));
});

const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /^--prompt, --prompt-token-ids: give one of the two$/],
  [['--prompt', 'a', '--prompt-token-ids', '1'], /^--prompt, --prompt-token-ids: give one of the two$/],
  [['--prompt', ''], /^--prompt: has no tokens/],
  [['--prompt-token-ids', '2048'], /^--prompt-token-ids: 2048 is outside the model's vocabulary, 0 to 2047$/],
  [['--prompt', 'a', '--quantization', 'int5'], /^--quantization: "int5" is none of/],
  [['--prompt', 'a', '--save-logits', '/nowhere/x'], /^--save-logits: \/nowhere: no such file or directory$/],
  [['--prompt', 'a', '--max-model-len', '9999', '--device', 'cpu'], /^--max-model-len: 9999 is beyond/],
  [
    ['--prompt', 'a '.repeat(700), '--max-model-len', '64', '--device', 'cpu'],
    /^The prompt has \d+ tokens; the/,
  ],
];

for (const [args, line] of REFUSED) {
  t.test(`generate ${args.join(' ').slice(0, 60)} is refused in one line`, (t) =>
    refuses(t, () => runGenerate(args), line),
  );
}
