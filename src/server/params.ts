import { randomBytes, randomUUID } from 'node:crypto';
import type { GenerateRequest, LogitsParams, SamplingParams } from '../engine/types.js';
import { ApiError } from '../errors.js';
import type { Grammar } from '../grammar/spec.js';
import type { ChatBody } from './chat-schemas.js';
import type { TextOptions } from './generation.js';
import type { CommonBody, CompletionBody } from './schemas.js';

/** A request's parameters, with the defaults of the API filled in: the only place that knows them. */

const DEFAULT_COMPLETION_TOKENS = 16;
const DEFAULT_TEMPERATURE = 1;
/** Logits divided by less overflow; vLLM lifts smaller temperatures to the same value. */
const MIN_TEMPERATURE = 0.01;

export interface StreamParams {
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Every chunk tells the usage up to it. */
  readonly continuousUsage: boolean;
}

/** What is read once for all the sequences of a request. */
export interface SharedParams {
  readonly vocabSize: number;
  /** null where nothing is asked for. */
  readonly logits: LogitsParams | null;
  /** null tells none. */
  readonly numLogprobs: number | null;
  readonly numPromptLogprobs: number | null;
  /** null leaves the text free. */
  readonly grammar: Grammar | null;
}

/** What a request says of the length of its answers. */
export interface RequestedTokens {
  /** null where the request leaves it to the server. */
  readonly count: number | null;
  /** The field that says so. */
  readonly field: 'max_tokens' | 'max_completion_tokens';
}

/** Of a chat, whose newer name for it goes first. */
export function requestedChatTokens({ max_completion_tokens, max_tokens }: ChatBody): RequestedTokens {
  const newer = max_completion_tokens ?? null;
  if (newer !== null) return { count: newer, field: 'max_completion_tokens' };
  return { count: max_tokens ?? null, field: 'max_tokens' };
}

/** Of a completion. Where no token is wanted one is asked for all the same: computing the prompt gives it. */
export function requestedTokens({ max_tokens }: Pick<CompletionBody, 'max_tokens'>): RequestedTokens {
  return { count: max_tokens === 0 ? 1 : (max_tokens ?? null), field: 'max_tokens' };
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
  const includeUsage = options?.include_usage ?? false;
  const continuousUsage = options?.continuous_usage_stats ?? false;
  if (continuousUsage && !includeUsage) {
    const param = 'stream_options.continuous_usage_stats';
    throw new ApiError('invalid_value', `${param} needs "include_usage": true.`, param);
  }
  return { stream, includeUsage, continuousUsage };
}

/** Likeliest tokens to tell of beside each of a chat's; null tells none. @throws ApiError where they are not asked for */
export function chatNumLogprobs({ logprobs, top_logprobs }: ChatBody): number | null {
  if (logprobs === true) return top_logprobs ?? 0;
  if ((top_logprobs ?? 0) === 0) return null;
  throw new ApiError('invalid_value', 'top_logprobs needs "logprobs": true.', 'top_logprobs');
}

/** How the tokens of an answer become text. */
export function textOptions(body: CommonBody): TextOptions {
  const stop = body.stop ?? [];
  return {
    stop: typeof stop === 'string' ? [stop] : stop,
    includeStop: body.include_stop_str_in_output ?? false,
    skipSpecialTokens: body.skip_special_tokens ?? true,
    promptOnly: false,
  };
}

/** Id of an answer: the request's own behind the endpoint's prefix, or a random one. */
export function answerId(prefix: string, { request_id }: Pick<CommonBody, 'request_id'>): string {
  return `${prefix}-${request_id ?? randomUUID()}`;
}

/** The end of a prompt, where the request bounds its length; -1 leaves room for the answer. */
export function truncatePrompt(
  ids: readonly number[],
  body: Pick<CommonBody, 'truncate_prompt_tokens'>,
  maxTokens: number | null,
  maxModelLen: number,
): readonly number[] {
  const asked = body.truncate_prompt_tokens ?? null;
  if (asked === null) return ids;
  const length = asked === -1 ? maxModelLen - (maxTokens ?? 1) : asked;
  return length > 0 ? ids.slice(-length) : ids;
}

/** @throws ApiError for a stop token outside the vocabulary, or a minimum of tokens above the maximum */
export function samplingParams(body: CommonBody, maxTokens: number, shared: SharedParams): SamplingParams {
  const { vocabSize, logits, numLogprobs, grammar } = shared;
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
    ...(grammar === null ? {} : { grammar }),
    ...(numLogprobs === null ? {} : { numLogprobs }),
    ...(shared.numPromptLogprobs === null ? {} : { numPromptLogprobs: shared.numPromptLogprobs }),
  };
}

function checkMinTokens(minTokens: number, maxTokens: number): void {
  if (minTokens <= maxTokens) return;
  const limit = `min_tokens must not be larger than max_tokens, here ${maxTokens}.`;
  throw new ApiError('invalid_value', limit, 'min_tokens');
}

/** What the scheduler and the prefix cache should know of a request. */
export function requestOptions(
  body: Pick<CommonBody, 'priority' | 'cache_salt'>,
): Pick<GenerateRequest, 'priority' | 'cacheSalt'> {
  return { priority: body.priority ?? 0, cacheSalt: body.cache_salt ?? '' };
}

/** Tokens that a completion may generate. @throws ApiError where they do not fit */
export function completionTokens(
  requested: RequestedTokens,
  numPromptTokens: number,
  maxModelLen: number,
): number {
  const room = checkRoom(requested, numPromptTokens, maxModelLen);
  return requested.count ?? Math.min(DEFAULT_COMPLETION_TOKENS, room);
}

/** Tokens that a chat answer may have: to the end of the context where the request says nothing. @throws ApiError as above */
export function chatTokens(requested: RequestedTokens, numPromptTokens: number, maxModelLen: number): number {
  const room = checkRoom(requested, numPromptTokens, maxModelLen);
  return requested.count ?? room;
}

/** Room left behind the prompt, at least 1. */
function checkRoom({ count, field }: RequestedTokens, numPromptTokens: number, maxModelLen: number): number {
  const room = maxModelLen - numPromptTokens;
  if (room >= 1 && (count ?? 1) <= room) return room;
  const wanted = count === null ? 'at least 1' : String(count);
  throw new ApiError(
    'context_length_exceeded',
    `The model's context is ${maxModelLen} tokens; the prompt has ${numPromptTokens} and ${wanted} should be generated.`,
    room >= 1 ? field : null,
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
