import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isGguf } from '../checkpoint/gguf/header.js';
import { writeSafetensors } from '../checkpoint/safetensors-write.js';
import { parseLine, type Values } from '../config.js';
import { createLocalEngine } from '../engine/local.js';
import { createLogitsModel } from '../engine/logits.js';
import type { EngineOptions } from '../engine/options.js';
import { createRunner } from '../engine/runner.js';
import type { FinishReason, SamplingParams, TokenOutput } from '../engine/types.js';
import { ApiError, UserError } from '../errors.js';
import { parseModelConfig } from '../model/config-parse.js';
import { Detokenizer } from '../text/detokenizer.js';
import { loadTokenizer, type Tokenizer } from '../text/tokenizer.js';
import { checkWritable, fileProblem } from './files.js';
import { engineOptions, findModel } from './model-options.js';
import { GENERATE_OPTIONS } from './options.js';
import { showProgress, whileLoading } from './progress.js';

type GenerateValues = Values<(typeof GENERATE_OPTIONS)[number]>;

interface Generated {
  /** Without the special tokens, and empty where the checkpoint has no tokenizer. */
  readonly text: string;
  readonly token_ids: readonly number[];
  readonly finish_reason: FinishReason | null;
}

/** Generates once and prints the text, as it comes where it is not JSON. Resolves with the exit code. */
export async function runGenerate(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, GENERATE_OPTIONS);
  const dir = await findModel(positionals, values);
  const options = engineOptions(dir, values);
  const { vocabSize } = await parseModelConfig(dir);
  const tokenizer = tokenizerFor(dir, values);
  const prompt = promptTokens(values, tokenizer, vocabSize);
  if (values['save-logits'] !== null) await saveLogits(options, prompt, values['save-logits']);
  const write = (text: string) => void process.stdout.write(text);
  const generated = await generate(options, prompt, {
    sampling: sampling(values),
    tokenizer,
    onText: values.json ? () => undefined : write,
  });
  write(values.json ? `${JSON.stringify(generated)}\n` : '\n');
  return 0;
}

/** Token ids need no tokenizer. */
function tokenizerFor(dir: string, values: GenerateValues): Tokenizer | null {
  if (values.prompt === null && !isGguf(dir) && !existsSync(join(dir, 'tokenizer.json'))) return null;
  return loadTokenizer(dir);
}

function promptTokens(
  values: GenerateValues,
  tokenizer: Tokenizer | null,
  vocabSize: number,
): readonly number[] {
  const { prompt, 'prompt-token-ids': ids } = values;
  if ((prompt === null) === (ids === null)) {
    throw new UserError('--prompt, --prompt-token-ids: give one of the two');
  }
  const unknown = ids?.find((id) => id >= vocabSize);
  if (unknown !== undefined) {
    throw new UserError(
      `--prompt-token-ids: ${unknown} is outside the model's vocabulary, 0 to ${vocabSize - 1}`,
    );
  }
  const encoding = { addSpecialTokens: true, parseSpecialTokens: true };
  const tokens = ids ?? tokenizer?.encode(prompt ?? '', encoding) ?? [];
  if (tokens.length === 0) throw new UserError('--prompt: has no tokens; write at least a letter');
  return tokens;
}

async function saveLogits(options: EngineOptions, prompt: readonly number[], file: string): Promise<void> {
  await checkWritable('--save-logits', file);
  const model = await whileLoading(showProgress(), (onProgress) => createLogitsModel(options, onProgress));
  try {
    if (prompt.length > model.maxModelLen) {
      throw new UserError(`--save-logits: ${prompt.length} tokens, but the model takes ${model.maxModelLen}`);
    }
    const data = await model.logits(prompt);
    const shape = [prompt.length, model.vocabSize];
    await writeSafetensors(file, [{ name: 'logits', dtype: 'F32', shape, data }]);
  } catch (error) {
    throw fileProblem('--save-logits', file, error);
  } finally {
    model.destroy();
  }
}

interface Task {
  readonly sampling: SamplingParams;
  readonly tokenizer: Tokenizer | null;
  readonly onText: (text: string) => void;
}

async function generate(
  options: EngineOptions,
  promptTokenIds: readonly number[],
  task: Task,
): Promise<Generated> {
  const model = await whileLoading(showProgress(), (onProgress) => createRunner(options, onProgress));
  const engine = createLocalEngine(model, options);
  try {
    return await collect(engine.generate({ id: 'cli', promptTokenIds, sampling: task.sampling }), task);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The engine's own error says only that it failed.
    const cause = error.code === 'engine_failed' ? (await engine.failed).message : error.message;
    throw new UserError(cause);
  } finally {
    await engine.close();
  }
}

async function collect(tokens: AsyncIterable<TokenOutput>, { tokenizer, onText }: Task): Promise<Generated> {
  const detokenizer = tokenizer === null ? null : new Detokenizer(tokenizer);
  const ids: number[] = [];
  const pieces: string[] = [];
  const add = (text = '') => {
    pieces.push(text);
    onText(text);
  };
  let finishReason: FinishReason | null = null;
  for await (const token of tokens) {
    ids.push(token.tokenId);
    finishReason = token.finishReason;
    add(detokenizer?.push(token.tokenId));
  }
  add(detokenizer?.flush());
  return { text: pieces.join(''), token_ids: ids, finish_reason: finishReason };
}

function sampling(values: GenerateValues): SamplingParams {
  return {
    maxTokens: values['max-tokens'],
    temperature: values.temperature,
    topK: values['top-k'],
    topP: values['top-p'],
    minP: values['min-p'],
    seed: BigInt(values.seed),
    ignoreEos: values['ignore-eos'],
    stopTokenIds: [],
  };
}
