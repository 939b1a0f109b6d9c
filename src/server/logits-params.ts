import { isDeepStrictEqual } from 'node:util';
import { UNCHANGED_LOGITS } from '../engine/request.js';
import type { LogitsParams } from '../engine/types.js';
import { ApiError } from '../errors.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { knownTokens } from './params.js';
import type { CommonBody } from './schemas.js';

const MAX_LOGIT_BIAS = 100;
const TOKEN_ID = /^(?:0|[1-9]\d*)$/;

/**
 * The changes to the logits that a request asks for; null where it asks for none.
 * @throws ApiError for a token outside the vocabulary, a bias out of bounds, or a bad word of white space
 */
export function logitsParams(body: CommonBody, tokenizer: Tokenizer): LogitsParams | null {
  const { vocabSize } = tokenizer;
  const allowed = body.allowed_token_ids ?? null;
  const params: LogitsParams = {
    presencePenalty: body.presence_penalty ?? UNCHANGED_LOGITS.presencePenalty,
    frequencyPenalty: body.frequency_penalty ?? UNCHANGED_LOGITS.frequencyPenalty,
    repetitionPenalty: body.repetition_penalty ?? UNCHANGED_LOGITS.repetitionPenalty,
    logitBias: readLogitBias(body.logit_bias ?? {}, vocabSize),
    minTokens: body.min_tokens ?? UNCHANGED_LOGITS.minTokens,
    badWords: (body.bad_words ?? []).flatMap((word, i) => encodeBadWord(word, i, tokenizer)),
    allowedTokenIds: allowed === null ? null : knownTokens(allowed, vocabSize, 'allowed_token_ids'),
  };
  return isDeepStrictEqual(params, UNCHANGED_LOGITS) ? null : params;
}

/** A bias of 0 asks for nothing. */
function readLogitBias(biases: Readonly<Record<string, unknown>>, vocabSize: number): [number, number][] {
  return Object.entries(biases)
    .map(([key, bias]) => readBias(key, bias, vocabSize))
    .filter(([, bias]) => bias !== 0);
}

function readBias(key: string, bias: unknown, vocabSize: number): [number, number] {
  const param = `logit_bias.${key}`;
  if (!TOKEN_ID.test(key) || Number(key) >= vocabSize) {
    throw new ApiError(
      'invalid_value',
      `The keys of logit_bias must be token ids below ${vocabSize}.`,
      param,
    );
  }
  if (typeof bias !== 'number' || Math.abs(bias) > MAX_LOGIT_BIAS) {
    const bounds = `a number from -${MAX_LOGIT_BIAS} to ${MAX_LOGIT_BIAS}`;
    throw new ApiError('invalid_value', `${param} must be ${bounds}.`, param);
  }
  return [Number(key), bias];
}

/** The word as a text begins with it, and as it follows a space: often another token, sometimes only one more in front. */
function encodeBadWord(word: string, index: number, tokenizer: Tokenizer): number[][] {
  const encode = (text: string) =>
    tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
  const trimmed = word.trimStart();
  const plain = trimmed === '' ? [] : encode(trimmed);
  if (plain.length === 0) {
    const param = `bad_words[${index}]`;
    throw new ApiError('invalid_value', `${param} must hold more than white space.`, param);
  }
  const spaced = encode(` ${trimmed}`);
  const endsWithPlain = isDeepStrictEqual(spaced.slice(-plain.length), plain);
  return endsWithPlain ? [plain] : [plain, spaced];
}
