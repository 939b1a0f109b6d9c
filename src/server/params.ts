import { randomBytes } from 'node:crypto';
import type { GenerateRequest, LogitsParams, SamplingParams } from '../engine/types.js';
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

/** What is read once for all the sequences of a request. */
export interface SharedParams {
  readonly vocabSize: number;
  /** null where nothing is asked for. */
  readonly logits: LogitsParams | null;
  /** null tells none. */
  readonly numLogprobs: number | null;
}

/** Tokens asked for; null where the request leaves it to the server. */
export function requestedChatTokens(body: ChatBody): number | null {
  return body.max_completion_tokens ?? body.max_tokens ?? null;
}

/** @throws ApiError where the options have no stream to apply to, or a stream cannot carry what is asked for */
export function streamParams(body: CommonBody): StreamParams {
  const stream = body.stream ?? false;
  const options = body.stream_options ?? null;
  if (options !== null && !stream) {
    throw new ApiError('invalid_value', 'stream_options needs "stream": true.', 'stream_options');
  }
  if (stream && (body.prompt_logprobs ?? null) !== null) {
    throw new ApiError('invalid_value', 'prompt_logprobs cannot be streamed.', 'prompt_logprobs');
  }
  return { stream, includeUsage: options?.include_usage ?? false };
}

/** Likeliest tokens to tell of beside each of a chat's; null tells none. @throws ApiError where they are not asked for */
export function chatNumLogprobs({ logprobs, top_logprobs }: ChatBody): number | null {
  if (logprobs === true) return top_logprobs ?? 0;
  if ((top_logprobs ?? 0) === 0) return null;
  throw new ApiError('invalid_value', 'top_logprobs needs "logprobs": true.', 'top_logprobs');
}

export function stopStrings(body: CommonBody): readonly string[] {
  const stop = body.stop ?? [];
  return typeof stop === 'string' ? [stop] : stop;
}

/** @throws ApiError for a stop token outside the vocabulary, or a minimum of tokens above the maximum */
export function samplingParams(body: CommonBody, maxTokens: number, shared: SharedParams): SamplingParams {
  const { vocabSize, logits, numLogprobs } = shared;
  checkMinTokens(body.min_tokens ?? 0, maxTokens);
  return {
    maxTokens,
    temperature: liftTemperature(body.temperature ?? DEFAULT_TEMPERATURE),
    topK: Math.max(0, body.top_k ?? 0),
    topP: body.top_p ?? 1,
    minP: body.min_p ?? 0,
    seed:
      body.seed === undefined || body.seed === null ? randomSeed() : BigInt.asUintN(64, BigInt(body.seed)),
    ignoreEos: body.ignore_eos ?? false,
    stopTokenIds: knownTokens(body.stop_token_ids ?? [], vocabSize, 'stop_token_ids'),
    ...(logits === null ? {} : { logits }),
    ...(numLogprobs === null ? {} : { numLogprobs }),
    ...promptLogprobs(body),
  };
}

function promptLogprobs({ prompt_logprobs }: CommonBody): Pick<SamplingParams, 'numPromptLogprobs'> {
  return prompt_logprobs === undefined || prompt_logprobs === null
    ? {}
    : { numPromptLogprobs: prompt_logprobs };
}

function checkMinTokens(minTokens: number, maxTokens: number): void {
  if (minTokens <= maxTokens) return;
  const limit = `min_tokens must not be larger than max_tokens, here ${maxTokens}.`;
  throw new ApiError('invalid_value', limit, 'min_tokens');
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

/** @throws ApiError for an id outside the vocabulary */
export function knownTokens(ids: readonly number[], vocabSize: number, name: string): readonly number[] {
  const index = ids.findIndex((id) => id >= vocabSize);
  if (index < 0) return ids;
  const param = `${name}[${index}]`;
  throw new ApiError('invalid_value', `${param} must be a token id below ${vocabSize}.`, param);
}

function liftTemperature(temperature: number): number {
  return temperature === 0 ? 0 : Math.max(MIN_TEMPERATURE, temperature);
}

function randomSeed(): bigint {
  return randomBytes(8).readBigUInt64LE();
}
