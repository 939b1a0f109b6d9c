import { ApiError } from '../errors.js';
import { gapMarkers } from '../text/fill-in-middle.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** A field of a body that holds prompts. */
export interface PromptField {
  readonly name: string;
  readonly maxPrompts: number;
}

const COMPLETION_FIELD: PromptField = { name: 'prompt', maxPrompts: 256 };

const SHAPES = 'a string, a list of strings, a list of token ids, or a list of lists of token ids';

/** What a completion goes on from. */
export interface Prompt {
  readonly tokenIds: readonly number[];
  /** As the request has it; null where that is token ids. */
  readonly text: string | null;
}

/** What surrounds the text of each prompt. */
export interface Surroundings {
  readonly addSpecialTokens: boolean;
  /** What the answer should lead to; null where it only goes on. */
  readonly suffix: string | null;
}

/**
 * The prompts of a completion request. Special tokens in the text are parsed.
 * @param field that holds them, as errors name it
 * @throws ApiError where a prompt is empty or of no known shape, an id is outside the vocabulary, or the model cannot fill a gap
 */
export function encodePrompts(
  prompt: unknown,
  tokenizer: Tokenizer,
  around: Surroundings,
  { name, maxPrompts }: PromptField = COMPLETION_FIELD,
): Prompt[] {
  const prompts = listPrompts(prompt, name);
  if (prompts.length === 0) throw new ApiError('invalid_value', `${name} must not be empty.`, name);
  if (prompts.length > maxPrompts) {
    throw new ApiError('invalid_value', `${name} must hold at most ${maxPrompts} texts.`, name);
  }
  const isList = Array.isArray(prompt) && prompts.length > 0 && prompt[0] === prompts[0];
  const encode = promptEncoder(tokenizer, around);
  return prompts.map((one, i) => {
    const param = isList ? `${name}[${i}]` : name;
    const tokenIds = encode(promptText(one, param, tokenizer.vocabSize));
    if (tokenIds.length === 0) throw new ApiError('invalid_value', `${param} must not be empty.`, param);
    return { tokenIds, text: typeof one === 'string' ? one : null };
  });
}

function listPrompts(prompt: unknown, name: string): unknown[] {
  if (typeof prompt === 'string') return [prompt];
  if (!Array.isArray(prompt)) throw new ApiError('invalid_value', `${name} must be ${SHAPES}.`, name);
  return typeof prompt[0] === 'number' ? [prompt] : prompt;
}

type Encode = (prompt: string | readonly number[]) => readonly number[];

function promptEncoder(tokenizer: Tokenizer, { addSpecialTokens, suffix }: Surroundings): Encode {
  const encode = (text: string, isStart = false) =>
    text === ''
      ? []
      : tokenizer.encode(text, { addSpecialTokens: isStart && addSpecialTokens, parseSpecialTokens: true });
  if (suffix === null) return (prompt) => (typeof prompt === 'string' ? encode(prompt, true) : prompt);
  const markers = gapMarkers(tokenizer);
  if (markers === null) {
    const message = 'suffix: this model has no tokens to fill a gap between two texts; leave it out.';
    throw new ApiError('invalid_value', message, 'suffix');
  }
  const tail = encode(`${markers.suffix}${suffix}${markers.middle}`);
  return (prompt) =>
    typeof prompt === 'string'
      ? [...encode(`${markers.prefix}${prompt}`, true), ...tail]
      : [...encode(markers.prefix), ...prompt, ...tail];
}

/** @throws ApiError where it is neither a text nor ids of the vocabulary, or empty */
function promptText(prompt: unknown, param: string, vocabSize: number): string | readonly number[] {
  const text = typeof prompt === 'string' ? prompt : checkIds(prompt, param, vocabSize);
  if (text.length === 0) throw new ApiError('invalid_value', `${param} must not be empty.`, param);
  return text;
}

function checkIds(prompt: unknown, param: string, vocabSize: number): number[] {
  if (!Array.isArray(prompt)) {
    const name = param.replace(/\[\d+\]$/, '');
    throw new ApiError('invalid_value', `${name} must be ${SHAPES}.`, param);
  }
  const index = prompt.findIndex((id: unknown) => !isTokenId(id, vocabSize));
  if (index < 0) return prompt as number[];
  const where = `${param}[${index}]`;
  throw new ApiError(
    'invalid_value',
    `${where} must be a token id, an integer from 0 to ${vocabSize - 1}.`,
    where,
  );
}

function isTokenId(id: unknown, vocabSize: number): boolean {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize;
}
