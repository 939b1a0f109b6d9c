import { measurePerplexity, type Perplexity } from '../calibrate/perplexity.js';
import { checkModelDirectory } from '../checkpoint/directory.js';
import { parseLine } from '../config.js';
import { createLogitsModel } from '../engine/logits.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { readTextFile } from './files.js';
import { engineOptions, findModel } from './model-options.js';
import { EVAL_OPTIONS } from './options.js';
import { showProgress, whileLoading } from './progress.js';

/** Prints the perplexity of a text. Resolves with the exit code. */
export async function runEval(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, EVAL_OPTIONS);
  const dir = await findModel(positionals, values);
  const options = engineOptions(dir, values);
  if (values.text === null) throw new UserError('--text: name a text file');
  const text = await readTextFile('--text', values.text);
  await checkModelDirectory(dir);
  const tokenIds = loadTokenizer(dir).encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
  const { window } = values;
  if (tokenIds.length < window) {
    throw new UserError(
      `--text: ${values.text}: ${tokenIds.length} tokens, fewer than one window of ${window}; see --window`,
    );
  }
  const result = await score(options, tokenIds, window);
  const line = `perplexity ${result.perplexity.toFixed(4)} (${result.numScored} of ${result.numTokens} tokens scored)`;
  process.stdout.write(`${values.json ? JSON.stringify({ ...result, window }) : line}\n`);
  return 0;
}

async function score(
  options: EngineOptions,
  tokenIds: readonly number[],
  window: number,
): Promise<Perplexity> {
  const display = showProgress();
  const model = await whileLoading(display, (onProgress) => createLogitsModel(options, onProgress));
  try {
    if (window > model.maxModelLen) {
      throw new UserError(`--window: ${window} tokens, but the model takes ${model.maxModelLen}`);
    }
    const onWindow = (done: number, total: number) => display.update({ stage: 'windows', done, total });
    return await measurePerplexity(model, tokenIds, { window, onWindow });
  } finally {
    display.stop();
    model.destroy();
  }
}
