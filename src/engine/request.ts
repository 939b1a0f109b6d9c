import { ApiError } from '../errors.js';
import type { EngineRequest, LogitsParams, SamplingParams } from './types.js';

/** What bounds the length of one sequence. */
export interface LengthLimits {
  readonly maxModelLen: number;
  readonly numBlocks: number;
  readonly blockSize: number;
}

/** Takes the likeliest token each time, and goes on past end tokens. */
export const GREEDY: Omit<SamplingParams, 'maxTokens'> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: 0n,
  ignoreEos: true,
  stopTokenIds: [],
};

/** Changes to the logits that change nothing. */
export const UNCHANGED_LOGITS: LogitsParams = {
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  minTokens: 0,
  badWords: [],
  allowedTokenIds: null,
};

/** Throws ApiError unless the request is well formed and can finish with the whole engine to itself. */
export function checkRequest(request: EngineRequest, limits: LengthLimits): void {
  const { promptTokenIds } = request;
  if (promptTokenIds.length === 0) throw new ApiError('invalid_value', 'The prompt has no tokens.');
  if (!promptTokenIds.every(isTokenId)) {
    throw new ApiError('invalid_value', 'A token id must be an integer from 0 to 2^32 - 1.');
  }
  if ('sampling' in request) checkAnswer(promptTokenIds.length, request.sampling, limits);
  else checkPrompt(promptTokenIds.length, limits);
}

function checkAnswer(numPrompt: number, { maxTokens }: SamplingParams, limits: LengthLimits): void {
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
    throw new ApiError('invalid_value', 'The maximum of generated tokens must be an integer of at least 1.');
  }
  checkLength(numPrompt, maxTokens, limits);
}

function checkPrompt(numPrompt: number, { maxModelLen, numBlocks, blockSize }: LengthLimits): void {
  const room = Math.min(maxModelLen, numBlocks * blockSize);
  if (numPrompt <= room) return;
  const message = `The prompt has ${numPrompt} tokens; the context holds ${room}.`;
  throw new ApiError('context_length_exceeded', message);
}

/** The last generated token is never computed, so it takes no place in the cache. */
function checkLength(numPrompt: number, maxTokens: number, limits: LengthLimits): void {
  const { maxModelLen, numBlocks, blockSize } = limits;
  if (numPrompt >= maxModelLen) {
    throw new ApiError(
      'context_length_exceeded',
      `The prompt has ${numPrompt} tokens; the context of ${maxModelLen} tokens leaves no room for an answer.`,
    );
  }
  const numCached = Math.min(numPrompt + maxTokens, maxModelLen) - 1;
  const capacity = numBlocks * blockSize;
  if (numCached <= capacity) return;
  throw new ApiError(
    'context_length_exceeded',
    `${numPrompt} tokens of prompt and ${maxTokens} of answer do not fit the KV cache of ${capacity} tokens.`,
  );
}

function isTokenId(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}
