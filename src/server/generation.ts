import type { Engine, FinishReason, GenerateRequest, TokenOutput } from '../engine/types.js';
import { ApiError } from '../errors.js';
import { Detokenizer } from '../text/detokenizer.js';
import { StopMatcher } from '../text/stop.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { RequestTimer } from './metrics.js';

/** Text of one token, or of a few where the text of the earlier ones was held back. */
export interface TextChunk {
  readonly text: string;
  /** Set in the last chunk, which alone may have no text. */
  readonly finishReason: 'stop' | 'length' | null;
}

export interface GenerationJob {
  readonly request: GenerateRequest;
  readonly stop: readonly string[];
  readonly signal: AbortSignal;
  readonly timer: RequestTimer;
}

/**
 * Text of one sequence, chunk by chunk. Ends with a chunk that has a finish reason, or without one when the signal aborts.
 * @throws ApiError `engine_failed`, or what the engine throws
 */
export async function* generateText(
  engine: Engine,
  tokenizer: Tokenizer,
  job: GenerationJob,
): AsyncGenerator<TextChunk, void, undefined> {
  let reason: FinishReason = 'abort';
  try {
    for await (const chunk of textOf(engine.generate(job.request, job.signal), tokenizer, job)) {
      reason = chunk.finishReason ?? reason;
      yield chunk;
    }
  } catch (error) {
    if (job.signal.aborted) return;
    reason = 'error';
    throw error;
  } finally {
    job.timer.finish(reason);
  }
}

async function* textOf(
  tokens: AsyncIterable<TokenOutput>,
  tokenizer: Tokenizer,
  job: GenerationJob,
): AsyncGenerator<TextChunk, void, undefined> {
  const decoder = new TextDecoderWithStops(tokenizer, job.stop);
  for await (const token of tokens) {
    if (token.finishReason === 'abort' || token.finishReason === 'error') break;
    job.timer.token(token);
    const chunk = decoder.push(token.tokenId, token.finishReason);
    if (chunk.text !== '' || chunk.finishReason !== null) yield chunk;
    if (chunk.finishReason !== null) return;
  }
  if (!job.signal.aborted)
    throw new ApiError('engine_failed', 'The engine stopped before the answer was complete.');
}

class TextDecoderWithStops {
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopMatcher;

  constructor(tokenizer: Tokenizer, stop: readonly string[]) {
    this.#detokenizer = new Detokenizer(tokenizer);
    this.#stops = new StopMatcher(stop);
  }

  /** The token that stopped the sequence is an end token, and is not shown. */
  push(tokenId: number, finishReason: 'stop' | 'length' | null): TextChunk {
    const delta = finishReason === 'stop' ? '' : this.#detokenizer.push(tokenId);
    if (finishReason === null) return this.#match(delta, null);
    const last = this.#match(delta + this.#detokenizer.flush(), finishReason);
    return { text: last.text + this.#stops.flush(), finishReason: last.finishReason };
  }

  #match(delta: string, finishReason: 'stop' | 'length' | null): TextChunk {
    const { text, matched } = this.#stops.push(delta);
    return { text, finishReason: matched === null ? finishReason : 'stop' };
  }
}
