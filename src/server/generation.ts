import type { Engine, FinishReason, GenerateRequest, TokenLogprobs, TokenOutput } from '../engine/types.js';
import { ApiError } from '../errors.js';
import { Detokenizer } from '../text/detokenizer.js';
import type { OutputDelta, OutputParser, ToolCall } from '../text/output/parser.js';
import { StopMatcher } from '../text/stop.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { RequestTimer } from './request-timer.js';

/** Where the token's text begins in the generated text, in characters; that of a part of a character where the character does. */
export interface PlacedLogprobs extends TokenLogprobs {
  readonly textOffset: number;
}

/** Text of one token, or of a few where the text of the earlier ones was held back. */
export interface TextChunk {
  readonly text: string;
  /** Of what a model thinks before it answers; empty where that is not told apart. */
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
  /** Whether the answer has called a function up to here. */
  readonly hasCalls: boolean;
  /** Set in the last chunk, which alone may have no text. */
  readonly finishReason: 'stop' | 'length' | null;
  /** The stop string, or the stop token of the request, that ended the answer. */
  readonly stopReason: string | number | null;
  /**
   * Where the request asks for them, of the tokens whose text begins in this chunk. The last chunk has the rest: the end token, and
   * tokens whose text a stop string cut off.
   */
  readonly logprobs: readonly PlacedLogprobs[];
  /** Of which the chunk is the answer, also those without text; joined they are the whole answer's. */
  readonly tokenIds: readonly number[];
  /** With the first token, where the request asks for them. */
  readonly promptLogprobs: readonly TokenLogprobs[] | null;
}

/** How tokens become text. */
export interface TextOptions {
  readonly stop: readonly string[];
  /** Whether the stop string or token that ends the answer is shown. */
  readonly includeStop: boolean;
  readonly skipSpecialTokens: boolean;
  /** Nothing of the answer is wanted, only what is told of the prompt. */
  readonly promptOnly: boolean;
  /** How a chat's answer is told apart; absent where its text is all of it. */
  readonly output?: OutputReading;
}

export interface OutputReading {
  /** Special tokens that the parser must see. */
  readonly shownTokens: readonly string[];
  /** One for each answer. */
  readonly createParser: () => OutputParser;
}

export interface GenerationJob {
  readonly request: GenerateRequest;
  readonly text: TextOptions;
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
  const decoder = new ChunkDecoder(tokenizer, job);
  for await (const token of tokens) {
    if (token.finishReason === 'abort' || token.finishReason === 'error') break;
    if (job.text.promptOnly) {
      job.timer.prefilled(token);
      yield promptChunk(token);
      return;
    }
    job.timer.token(token);
    const chunk = decoder.push(token, token.finishReason);
    if (chunk === null) continue;
    yield chunk;
    if (chunk.finishReason !== null) return;
  }
  if (!job.signal.aborted)
    throw new ApiError('engine_failed', 'The engine stopped before the answer was complete.');
}

/** The prompt alone: the token that computing it gave is dropped. */
function promptChunk({ promptLogprobs }: TokenOutput): TextChunk {
  const told = { promptLogprobs: promptLogprobs ?? null, logprobs: [], tokenIds: [] };
  const empty = { text: '', reasoning: '', calls: [], hasCalls: false, stopReason: null };
  return { ...empty, finishReason: 'length', ...told };
}

const EMPTY_DELTA: OutputDelta = { content: '', reasoning: '', calls: [] };

/** Turns tokens into chunks of text, in which no stop string shows unless asked for. */
class ChunkDecoder {
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopMatcher;
  /** Stop strings do not end in the text of so many tokens. */
  readonly #minTokens: number;
  readonly #stopTokenIds: readonly number[];
  #numTokens = 0;
  /** Characters of the text up to now, and of what was sent of it. */
  #numDecoded = 0;
  #numSent = 0;
  #unsent: PlacedLogprobs[] = [];
  #unsentIds: number[] = [];
  readonly #includeStop: boolean;
  readonly #parser: OutputParser | null;
  #hasCalls = false;

  constructor(tokenizer: Tokenizer, { text, request }: GenerationJob) {
    const shownTokens = text.output?.shownTokens ?? [];
    this.#detokenizer = new Detokenizer(tokenizer, { ...text, shownTokens });
    this.#stops = new StopMatcher(text.stop, text.includeStop);
    this.#includeStop = text.includeStop;
    this.#minTokens = request.sampling.logits?.minTokens ?? 0;
    this.#stopTokenIds = request.sampling.stopTokenIds;
    this.#parser = text.output?.createParser() ?? null;
  }

  /** null where there is nothing to tell yet. */
  push(token: TokenOutput, finishReason: 'stop' | 'length' | null): TextChunk | null {
    this.#numTokens += 1;
    this.#unsentIds.push(token.tokenId);
    const matched = this.#match(this.#decode(token, finishReason), token, finishReason);
    this.#numSent += numCharacters(matched.text);
    const { content, reasoning, calls } = this.#read(matched.text, matched.finishReason !== null);
    const reason = this.#parser?.isDone ? 'stop' : matched.finishReason;
    const promptLogprobs = token.promptLogprobs ?? null;
    const isEmpty = content === '' && reasoning === '' && calls.length === 0;
    if (isEmpty && reason === null && promptLogprobs === null) return null;
    const logprobs = this.#takeLogprobs(reason !== null);
    const told = { logprobs, tokenIds: this.#unsentIds.splice(0), promptLogprobs };
    const ended = { finishReason: reason, stopReason: matched.stopReason };
    return { text: content, reasoning, calls, hasCalls: this.#hasCalls, ...ended, ...told };
  }

  #read(text: string, isEnd: boolean): OutputDelta {
    if (this.#parser === null) return { content: text, reasoning: '', calls: [] };
    const delta = this.#parser.push(text);
    const rest = isEnd ? this.#parser.end() : EMPTY_DELTA;
    const calls = [...delta.calls, ...rest.calls];
    this.#hasCalls ||= calls.length > 0;
    return { content: delta.content + rest.content, reasoning: delta.reasoning + rest.reasoning, calls };
  }

  /** The token that stopped the sequence is an end token: it is not shown unless asked for, and stands behind all text. */
  #decode({ tokenId, logprobs }: TokenOutput, finishReason: 'stop' | 'length' | null): string {
    const isEnd = finishReason === 'stop';
    const delta = isEnd && !this.#includeStop ? '' : this.#detokenizer.push(tokenId);
    const text = finishReason === null ? delta : delta + this.#detokenizer.flush();
    const start = this.#numDecoded;
    this.#numDecoded += numCharacters(text);
    if (logprobs !== undefined) {
      this.#unsent.push({ ...logprobs, textOffset: isEnd ? this.#numDecoded : start });
    }
    return text;
  }

  #match(
    delta: string,
    { tokenId }: TokenOutput,
    finishReason: 'stop' | 'length' | null,
  ): Pick<TextChunk, 'text' | 'finishReason' | 'stopReason'> {
    const { text, matched } =
      this.#numTokens > this.#minTokens
        ? this.#stops.push(delta)
        : { text: this.#stops.pass(delta), matched: null };
    if (matched !== null) return { text, finishReason: 'stop', stopReason: matched };
    if (finishReason === null) return { text, finishReason, stopReason: null };
    const isAsked = finishReason === 'stop' && this.#stopTokenIds.includes(tokenId);
    return { text: text + this.#stops.flush(), finishReason, stopReason: isAsked ? tokenId : null };
  }

  /** Of the tokens whose text begins in what was sent, or of all. */
  #takeLogprobs(all: boolean): PlacedLogprobs[] {
    const next = all ? -1 : this.#unsent.findIndex(({ textOffset }) => textOffset >= this.#numSent);
    return this.#unsent.splice(0, next < 0 ? this.#unsent.length : next);
  }
}

/** Unicode code points, as Python counts them. */
export function numCharacters(text: string): number {
  return [...text].length;
}
