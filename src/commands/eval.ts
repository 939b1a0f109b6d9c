import { type ChoiceReport, encodeQuestion, scoreQuestions } from '../calibrate/choices.js';
import { type Divergence, measureDivergence } from '../calibrate/divergence.js';
import { measurePerplexity, type Perplexity } from '../calibrate/perplexity.js';
import { parseQuestions, QUESTION_LIMITS } from '../calibrate/questions.js';
import { checkModelDirectory } from '../checkpoint/directory.js';
import { parseLine, type Values } from '../config.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { choiceLines, divergenceLines, perplexityLine } from './eval-report.js';
import {
  type CutText,
  checkSameTokens,
  cutFor,
  forWindows,
  positionsOf,
  Reference,
  readText,
  type TextSettings,
  windowProgress,
  withModel,
} from './evaluation.js';
import { readTextFile } from './files.js';
import { engineOptions, findModel } from './model-options.js';
import { EVAL_OPTIONS } from './options.js';
import { showProgress } from './progress.js';

type EvalValues = Values<(typeof EVAL_OPTIONS)[number]>;

/** What is printed, as one JSON object or as lines. */
interface Report {
  readonly json: object;
  readonly lines: readonly string[];
}

/** Prints how well a model predicts a text, also beside another model, or answers questions. Resolves with the exit code. */
export async function runEval(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, EVAL_OPTIONS);
  const dir = await findModel(positionals, values);
  const options = engineOptions(dir, values);
  const { json, lines } = await evaluate(options, values);
  process.stdout.write(`${values.json ? JSON.stringify(json) : lines.join('\n')}\n`);
  return 0;
}

async function evaluate(options: EngineOptions, values: EvalValues): Promise<Report> {
  const { text, task } = values;
  if (text !== null && task !== null) throw new UserError('--text, --task: give one of the two');
  if (task !== null) {
    checkTaskOptions(values);
    return evaluateTask(options, values, task);
  }
  if (text === null) throw new UserError('--text: name a text file');
  return evaluateText(options, values, await readText(text, values));
}

function checkTaskOptions({ against, protocol, window, stride }: EvalValues): void {
  if (against !== null)
    throw new UserError('--against: compares models on a --text; leave it out with --task');
  if (protocol !== 'windows' || window !== null || stride !== null)
    throw new UserError('--protocol, --window, --stride: cut a --text; leave them out with --task');
}

async function evaluateText(
  options: EngineOptions,
  values: EvalValues,
  settings: TextSettings,
): Promise<Report> {
  const cut = await cutModelText(options.modelDir, values, settings);
  const { protocol, window, stride, tokenIds } = cut;
  const numTokens = tokenIds.length;
  const used = { protocol, window, ...(protocol === 'sliding' ? { stride } : {}) };
  if (values.against === null) {
    const result = await scoreText(options, cut);
    return { json: { ...result, numTokens, ...used }, lines: [perplexityLine(result, numTokens)] };
  }
  const result = await compare(options, values, settings, cut);
  return { json: { ...result, numTokens, ...used }, lines: divergenceLines(result, numTokens) };
}

async function cutModelText(dir: string, values: EvalValues, settings: TextSettings): Promise<CutText> {
  await checkModelDirectory(dir);
  return cutFor(dir, settings, await positionsOf(dir, values));
}

function scoreText(options: EngineOptions, { windows }: CutText): Promise<Perplexity> {
  const display = showProgress();
  return withModel(forWindows(options, windows), display, (source) =>
    measurePerplexity(source, windows, windowProgress(display)),
  );
}

async function compare(
  options: EngineOptions,
  values: EvalValues,
  settings: TextSettings,
  cut: CutText,
): Promise<Divergence> {
  const { windows } = cut;
  const modelDir = await otherModel(options.modelDir, values);
  // What rounds is MODEL's alone.
  const other = { ...options, modelDir, quantization: null, kvCacheDtype: 'auto' as const };
  checkSameTokens(cut, await cutModelText(other.modelDir, values, settings), '--against');
  const display = showProgress();
  const reference = await Reference.load(forWindows(other, windows), windows, display);
  try {
    return await reference.with(forWindows(options, windows), (source) =>
      measureDivergence(source, reference.source, windows, windowProgress(display)),
    );
  } finally {
    await reference.close();
  }
}

/** The folder or file of the reference: the model's own where that is `full`. */
async function otherModel(dir: string, values: EvalValues): Promise<string> {
  const { against, quantization, 'kv-cache-dtype': kvCacheDtype } = values;
  if (against !== 'full') return findReference(against ?? '', values);
  if (quantization !== null || kvCacheDtype !== 'auto') return dir;
  throw new UserError(
    '--against: full is MODEL without --quantization and --kv-cache-dtype, of which none is given; name another model',
  );
}

async function findReference(given: string, values: EvalValues): Promise<string> {
  try {
    return await findModel([given], { ...values, 'gguf-file': null });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message.replace(/^MODEL:/, '--against:'));
  }
}

async function evaluateTask(options: EngineOptions, values: EvalValues, file: string): Promise<Report> {
  const dir = options.modelDir;
  const text = await readTextFile('--task', file, QUESTION_LIMITS.fileBytes);
  const questions = parseQuestions(text, `--task: ${file}`);
  await checkModelDirectory(dir);
  const tokenizer = loadTokenizer(dir);
  const positions = await positionsOf(dir, values);
  const encoded = questions.map((question) =>
    encodeQuestion(tokenizer, question, positions, `--task: ${file}`),
  );
  const display = showProgress();
  const onQuestion = (done: number, total: number) => display.update({ stage: 'questions', done, total });
  const sized = forWindows(
    options,
    encoded.flatMap(({ windows }) => windows),
  );
  const report: ChoiceReport = await withModel(sized, display, (source) =>
    scoreQuestions(source, encoded, onQuestion),
  );
  return { json: report, lines: choiceLines(report) };
}
