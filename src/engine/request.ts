import { ApiError } from '../errors.js';
import type { GenerateRequest } from './types.js';

/** What bounds the length of one sequence. */
export interface LengthLimits {
  readonly maxModelLen: number;
  readonly numBlocks: number;
  readonly blockSize: number;
}

/** Throws ApiError unless the request is well formed and can finish with the whole engine to itself. */
export function checkRequest(request: GenerateRequest, limits: LengthLimits): void {
  const { promptTokenIds, sampling } = request;
  if (promptTokenIds.length === 0) throw new ApiError('invalid_value', 'The prompt has no tokens.');
  if (!promptTokenIds.every(isTokenId)) {
    throw new ApiError('invalid_value', 'A token id must be an integer from 0 to 2^32 - 1.');
  }
  if (!Number.isSafeInteger(sampling.maxTokens) || sampling.maxTokens < 1) {
    throw new ApiError('invalid_value', 'The maximum of generated tokens must be an integer of at least 1.');
  }
  checkLength(promptTokenIds.length, sampling.maxTokens, limits);
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
