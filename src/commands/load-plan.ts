import { arrivals } from '../bench/serve/arrivals.js';
import { asFields, DIALECTS } from '../bench/serve/dialects.js';
import { isGoodputLimit, parseGoodput } from '../bench/serve/goodput.js';
import { readPrompts } from '../bench/serve/prompt-file.js';
import {
  BUNDLED_PROMPTS,
  givenPrompts,
  type PromptOptions,
  prefixPrompts,
  randomPrompts,
} from '../bench/serve/prompts.js';
import { Draws } from '../bench/serve/random.js';
import type { LoadPlan, PromptRequest, Target } from '../bench/serve/types.js';
import type { Values } from '../config.js';
import { UserError } from '../errors.js';
import { readTextFile } from './files.js';
import type { LOAD_OPTIONS } from './options.js';

export type LoadValues = Values<(typeof LOAD_OPTIONS)[number]>;

/** What arrives, and how much of it at once. */
export interface Offer {
  readonly numPrompts: number;
  /** Requests a second; Infinity for all at once. */
  readonly requestRate: number;
  readonly maxConcurrency: number | null;
}

const MAX_FILE_BYTES = 512 * 2 ** 20;
const MODELS_TIMEOUT_MS = 10_000;

/** The server that the command line names, and its model. Throws UserError where none answers there. */
export async function findTarget(values: LoadValues): Promise<Target> {
  const baseUrl = checkedUrl(values['base-url']);
  const [apiKey = null] = values['api-key'];
  return {
    baseUrl,
    backend: values.backend,
    model: values.model ?? (await firstModel(baseUrl, apiKey)),
    apiKey,
    ignoreEos: values['ignore-eos'],
    temperature: values.temperature,
    timeoutMs: 1000 * values['request-timeout'],
  };
}

/** The same prompts for the same seed, whatever the rate. Throws UserError where a file holds none. */
export async function makePlan(target: Target, values: LoadValues, offer: Offer): Promise<LoadPlan> {
  const { numPrompts, requestRate, maxConcurrency } = offer;
  const numWarmups = values['num-warmups'];
  const options: PromptOptions = {
    count: numPrompts + numWarmups,
    inputLen: values['input-len'],
    outputLen: values['output-len'],
    vocabSize: values['vocab-size'],
    takesTokens: DIALECTS[target.backend].takesTokens,
  };
  const prompts = await makePrompts(options, values);
  return {
    target,
    requests: prompts.slice(0, numPrompts),
    warmups: prompts.slice(numPrompts),
    arrivalsMs: arrivals(numPrompts, requestRate, values.burstiness, new Draws(values.seed + 1)),
    maxConcurrency,
  };
}

/** Limits after `--goodput`, of which more may follow as words of their own. Throws UserError for any other word. */
export function goodputOf(values: LoadValues, words: readonly string[], command: string) {
  const other = words.find((word) => !isGoodputLimit(word));
  if (other !== undefined)
    throw new UserError(`${command}: takes no argument, but got ${other}; name the server with --base-url`);
  if (words.length > 0 && values.goodput.length === 0)
    throw new UserError(`${command}: ${words[0]} goes after --goodput`);
  return parseGoodput([...values.goodput, ...words], '--goodput');
}

async function makePrompts(options: PromptOptions, values: LoadValues): Promise<PromptRequest[]> {
  const draws = new Draws(values.seed);
  const { dataset, 'num-prefixes': numPrefixes, 'prefix-len': prefixLen } = values;
  if (dataset === 'random') return randomPrompts(options, draws);
  if (dataset === 'bundled') return givenPrompts(BUNDLED_PROMPTS, options, draws);
  if (dataset === 'prefix') return prefixPrompts({ ...options, numPrefixes, prefixLen }, draws);
  return givenPrompts(await filePrompts(dataset), options, draws);
}

async function filePrompts(file: string) {
  if (!/\.(jsonl?|txt)$/i.test(file))
    throw new UserError(
      `--dataset: ${JSON.stringify(file)} is none of random, bundled, prefix, and no .jsonl, .json or .txt file`,
    );
  const prompts = readPrompts(await readTextFile('--dataset', file, MAX_FILE_BYTES));
  const bad = prompts.indexOf(null);
  if (bad >= 0 || prompts.length === 0)
    throw new UserError(
      `--dataset: ${file}: entry ${bad + 1 || 1} has none of "prompt", "text", "messages" or "conversations"`,
    );
  return prompts.filter((prompt) => prompt !== null);
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && ['http:', 'https:'].includes(url.protocol))
    return text.replace(/\/+$/, '').replace(/\/v1$/, '');
  throw new UserError(`--base-url: ${JSON.stringify(text)} is no URL such as http://127.0.0.1:8000`);
}

async function firstModel(baseUrl: string, apiKey: string | null): Promise<string> {
  const headers: Record<string, string> = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
  const signal = AbortSignal.timeout(MODELS_TIMEOUT_MS);
  const answer = await fetch(`${baseUrl}/v1/models`, { headers, signal }).catch((error: unknown) => {
    const cause = asFields(error instanceof Error ? error.cause : null).code ?? String(error);
    throw new UserError(
      `--base-url: ${baseUrl} does not answer (${cause}); start a server there, or name another`,
    );
  });
  if (answer.status === 401) throw new UserError(`--api-key: ${baseUrl} wants a key; give --api-key KEY`);
  const { data } = asFields(await answer.json().catch(() => null));
  const { id } = asFields(Array.isArray(data) ? data[0] : null);
  if (typeof id === 'string') return id;
  throw new UserError(
    `--model: ${baseUrl}/v1/models lists none (HTTP ${answer.status}); name it with --model`,
  );
}
