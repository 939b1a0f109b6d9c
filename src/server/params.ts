import { randomBytes } from 'node:crypto';
import type { GenerateRequest, SamplingParams } from '../engine/types.js';
import { ApiError } from '../errors.js';
import type { ChatBody, CommonBody } from './schemas.js';

/** A request's parameters, with the defaults of the API filled in: the only place that knows them. */

const DEFAULT_COMPLETION_TOKENS = 16;
const DEFAULT_TEMPERATURE = 1;
/** Logits divided by less overflow; vLLM lifts smaller temperatures to the same value. */
const MIN_TEMPERATURE = 0.01;

export interface StreamParams {
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** What the server must know to judge a request. */
export interface Limits {
  readonly maxModelLen: number;
  readonly vocabSize: number;
}

/** Tokens asked for; null where the request leaves it to the server. */
export function requestedChatTokens(body: ChatBody): number | null {
  return body.max_completion_tokens ?? body.max_tokens ?? null;
}

/** @throws ApiError where the options have no stream to apply to */
export function streamParams(body: CommonBody): StreamParams {
  const stream = body.stream ?? false;
  const options = body.stream_options ?? null;
  if (options !== null && !stream) {
    throw new ApiError('invalid_value', 'stream_options needs "stream": true.', 'stream_options');
  }
  return { stream, includeUsage: options?.include_usage ?? false };
}

export function stopStrings(body: CommonBody): readonly string[] {
  const stop = body.stop ?? [];
  return typeof stop === 'string' ? [stop] : stop;
}

/** @throws ApiError for a stop token outside the vocabulary */
export function samplingParams(body: CommonBody, maxTokens: number, vocabSize: number): SamplingParams {
  return {
    maxTokens,
    temperature: liftTemperature(body.temperature ?? DEFAULT_TEMPERATURE),
    topK: Math.max(0, body.top_k ?? 0),
    topP: body.top_p ?? 1,
    minP: body.min_p ?? 0,
    seed:
      body.seed === undefined || body.seed === null ? randomSeed() : BigInt.asUintN(64, BigInt(body.seed)),
    ignoreEos: body.ignore_eos ?? false,
    stopTokenIds: knownTokens(body.stop_token_ids ?? [], vocabSize),
  };
}

/** What the scheduler and the prefix cache should know of a request. */
export function requestOptions(body: CommonBody): Pick<GenerateRequest, 'priority' | 'cacheSalt'> {
  return { priority: body.priority ?? 0, cacheSalt: body.cache_salt ?? '' };
}

/** Tokens that a completion may generate. @throws ApiError where they do not fit */
export function completionTokens(
  requested: number | null,
  numPromptTokens: number,
  maxModelLen: number,
): number {
  const room = checkRoom(requested, numPromptTokens, maxModelLen);
  return requested ?? Math.min(DEFAULT_COMPLETION_TOKENS, room);
}

/** Tokens that a chat answer may have: to the end of the context where the request says nothing. @throws ApiError as above */
export function chatTokens(requested: number | null, numPromptTokens: number, maxModelLen: number): number {
  const room = checkRoom(requested, numPromptTokens, maxModelLen);
  return requested ?? room;
}

/** Room left behind the prompt, at least 1. */
function checkRoom(requested: number | null, numPromptTokens: number, maxModelLen: number): number {
  const room = maxModelLen - numPromptTokens;
  if (room >= 1 && (requested ?? 1) <= room) return room;
  const wanted = requested === null ? 'at least 1' : String(requested);
  throw new ApiError(
    'context_length_exceeded',
    `The model's context is ${maxModelLen} tokens; the prompt has ${numPromptTokens} and ${wanted} should be generated.`,
    room >= 1 ? 'max_tokens' : null,
  );
}

function knownTokens(ids: readonly number[], vocabSize: number): readonly number[] {
  const index = ids.findIndex((id) => id >= vocabSize);
  if (index < 0) return ids;
  const param = `stop_token_ids[${index}]`;
  throw new ApiError('invalid_value', `${param} must be a token id below ${vocabSize}.`, param);
}

function liftTemperature(temperature: number): number {
  return temperature === 0 ? 0 : Math.max(MIN_TEMPERATURE, temperature);
}

function randomSeed(): bigint {
  return randomBytes(8).readBigUInt64LE();
}
