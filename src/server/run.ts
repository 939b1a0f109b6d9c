import type { SamplingParams } from '../engine/types.js';
import { ApiError } from '../errors.js';
import { generateText, type TextChunk, type TextOptions } from './generation.js';
import { type Indexed, merge } from './merge.js';
import type { ServedModel } from './models.js';
import type { RequestTimer, RequestTiming } from './request-timer.js';
import { admitCall, type Call } from './spending.js';

/** Entries of `prompt_logprobs` over all choices: an answer of so many is about 70 MB of JSON. */
const MAX_PROMPT_LOGPROBS = 2 ** 20;

/** One sequence to generate. */
export interface Plan {
  readonly promptTokenIds: readonly number[];
  readonly sampling: SamplingParams;
  readonly priority?: number;
  readonly cacheSalt?: string;
}

/** `n` answers to a prompt: alike but for the seed, which counts up. Their prompt's blocks are computed once and shared. */
export function fanOut(plan: Plan, n: number): Plan[] {
  const { sampling } = plan;
  return Array.from({ length: n }, (_, i) => ({
    ...plan,
    sampling: { ...sampling, seed: BigInt.asUintN(64, sampling.seed + BigInt(i)) },
  }));
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Of the prompt's tokens, those that the prefix cache held. */
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

export interface Run {
  /** Chunks of all the sequences, by the plan's index. */
  readonly chunks: AsyncGenerator<Indexed<TextChunk>, void, undefined>;
  /** Tokens up to now. */
  readonly usage: () => Usage;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** `performance.now()` when the headers had arrived. */
    startMs: number;
    /** Token counts for the request's line in the log. */
    usage: (() => Usage) | null;
    /** Of a request that generates, for its line in the log and its trace. */
    record: RequestRecord | null;
  }
}

/** What a request asked for, and how it went by now. */
export interface RequestRecord {
  readonly id: string;
  readonly model: string;
  /** Of the first sequence; they differ in their seeds alone, or in their prompts. */
  readonly sampling: SamplingParams;
  readonly usage: () => Usage;
  readonly timings: () => readonly RequestTiming[];
}

interface Work {
  /** Prefix of the sequences' ids. */
  readonly id: string;
  readonly plans: readonly Plan[];
  /** Plans in a row that answer the same prompt. */
  readonly numSamples: number;
  readonly text: TextOptions;
}

/**
 * Admits the sequences and starts them. They are aborted when the client goes.
 * @throws ApiError 429 where the queue is full or the caller's tokens are spent, 400 where the answer would be too large
 */
export function startRun(model: ServedModel, call: Call, work: Work): Run {
  checkPromptLogprobs(work.plans);
  const { engine, tokenizer, metrics, adapter } = model;
  const { request } = call;
  const size = { numSequences: work.plans.length, numPromptTokens: countPromptTokens(work) };
  const { controller, timers } = admitCall(model, call, size, (onToken) =>
    work.plans.map(({ promptTokenIds, sampling }) =>
      metrics.startRequest(request.startMs, promptTokenIds.length, sampling.maxTokens, onToken),
    ),
  );
  const jobs = work.plans.map((plan, i) => ({
    request: { id: `${work.id}-${i}`, ...plan, ...(adapter === undefined ? {} : { adapter }) },
    text: work.text,
    signal: controller.signal,
    timer: timers[i],
  }));
  for (let i = 0; i < jobs.length; i += work.numSamples) metrics.nParam.observe(work.numSamples);
  const usage = () => usageOf(timers, work.numSamples);
  request.usage = usage;
  request.record = recordOf(work, metrics.labels.model_name ?? '', { usage, timers });
  const sources = jobs.map((job) => generateText(engine, tokenizer, job));
  return { chunks: merge(sources, () => controller.abort()), usage };
}

function recordOf(
  { id, plans }: Work,
  model: string,
  { usage, timers }: { readonly usage: () => Usage; readonly timers: readonly RequestTimer[] },
): RequestRecord | null {
  const [first] = plans;
  if (first === undefined) return null;
  return { id, model, sampling: first.sampling, usage, timings: () => timers.map((timer) => timer.timing()) };
}

function checkPromptLogprobs(plans: readonly Plan[]): void {
  const numEntries = plans.reduce((sum, { promptTokenIds, sampling: { numPromptLogprobs } }) => {
    return numPromptLogprobs === undefined ? sum : sum + promptTokenIds.length * (numPromptLogprobs + 1);
  }, 0);
  if (numEntries <= MAX_PROMPT_LOGPROBS) return;
  const message = `prompt_logprobs would have ${numEntries} entries; it may have ${MAX_PROMPT_LOGPROBS}.`;
  throw new ApiError('invalid_value', message, 'prompt_logprobs');
}

/** A prompt counts once, however many answers it gets. */
function countPromptTokens({ plans, numSamples }: Work): number {
  const prompts = plans.filter((_, i) => i % numSamples === 0);
  return prompts.reduce((sum, { promptTokenIds }) => sum + promptTokenIds.length, 0);
}

/** Of sequences of which so many in a row answer the same prompt: it counts once, however many answers it gets. */
export function usageOf(timers: readonly RequestTimer[], numSamples = 1): Usage {
  const prompts = timers.filter((_, i) => i % numSamples === 0);
  const promptTokens = prompts.reduce((sum, timer) => sum + timer.numPromptTokens, 0);
  const completionTokens = timers.reduce((sum, timer) => sum + timer.numTokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: prompts.reduce((sum, timer) => sum + timer.numCachedTokens, 0) },
  };
}
