import type { Embedding, EmbedRequest, Engine } from '../engine/types.js';
import type { ServedModel } from './models.js';
import type { RequestTimer } from './request-timer.js';
import { type Usage, usageOf } from './run.js';
import { admitCall, type Call } from './spending.js';

interface Job {
  readonly request: EmbedRequest;
  readonly timer: RequestTimer;
}

export interface EmbeddingRun {
  /** Ends early when the client goes; rejects with what the engine throws. */
  readonly done: Promise<void>;
  readonly usage: () => Usage;
}

/**
 * Admits the texts of a request and embeds them, as many at once as the engine runs: a list may be longer than the queue.
 * @param onEmbedding called for each text, in any order; @throws ApiError 429 where the queue is full or the caller's tokens are spent
 */
export function startEmbeddings(
  model: ServedModel,
  call: Call,
  prompts: readonly Omit<EmbedRequest, 'pooling' | 'adapter'>[],
  onEmbedding: (embedding: Embedding, index: number) => void,
): EmbeddingRun {
  const { engine, metrics, adapter, pooling = 'mean' } = model;
  const { request } = call;
  const numPromptTokens = prompts.reduce((sum, { promptTokenIds }) => sum + promptTokenIds.length, 0);
  const width = Math.min(prompts.length, engine.info.maxNumSeqs);
  const { controller, timers } = admitCall(model, call, { numSequences: width, numPromptTokens }, () =>
    prompts.map(({ promptTokenIds }) => metrics.startRequest(request.startMs, promptTokenIds.length, null)),
  );
  const jobs = prompts.map((prompt, i) => ({
    request: { ...prompt, pooling, ...(adapter === undefined ? {} : { adapter }) },
    timer: timers[i],
  }));
  const usage = () => usageOf(timers);
  request.usage = usage;
  return { done: embedAll(engine, jobs, { width, controller, onEmbedding }), usage };
}

interface Lanes {
  readonly width: number;
  readonly controller: AbortController;
  readonly onEmbedding: (embedding: Embedding, index: number) => void;
}

/** Each lane takes the next job when it is done with one. Where one fails, the others are given up. */
async function embedAll(engine: Engine, jobs: readonly Job[], { width, controller, onEmbedding }: Lanes) {
  const rest = jobs.entries();
  const lane = async () => {
    for (const [index, job] of rest) {
      const embedding = await embedOne(engine, job, controller);
      if (embedding === null) return;
      onEmbedding(embedding, index);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

async function embedOne(engine: Engine, { request, timer }: Job, controller: AbortController) {
  try {
    const embedding = await engine.embed(request, controller.signal);
    if (embedding === null) return null;
    timer.prefilled(embedding);
    timer.finish('stop');
    return embedding;
  } catch (error) {
    timer.finish('error');
    controller.abort();
    throw error;
  }
}
