import { ApiError } from '../errors.js';
import { keyOf } from './compiler.js';
import { LruCache } from './lru-cache.js';
import type { CheckRequest, Masks } from './protocol.js';
import type { Grammar } from './spec.js';
import { GrammarThread, type Numberless, type ThreadAnswer, type ThreadOptions } from './thread.js';

/** Verdicts on grammars that are remembered. */
const MAX_VERDICTS = 256;
/** Threads that one request may outlive, each ended by another's. */
const MAX_TRIES = 5;
/** The thread that compiles first is ended when it had nothing to do for so long: it holds a vocabulary. */
const IDLE_MS = 60_000;

/** What of a text so far decides what may follow. */
export interface Matcher {
  /**
   * What may follow the text, and each of the drafts that fit. One call at a time.
   * @param tokenIds all tokens of the text
   * @throws ApiError `invalid_grammar` where the grammar is none, `grammar_failed` where it takes too long or the text does not fit
   */
  masks(tokenIds: readonly number[], drafts: readonly number[]): Promise<Masks>;
  close(): void;
}

/** What the engine asks of grammars. */
export interface Grammars {
  matcher(grammar: Grammar, stopTokenIds: readonly number[]): Matcher;
  close(): Promise<void>;
}

/**
 * Two threads, started when they are needed. A grammar is first compiled in the one, where it may take too long or break the library without
 * harm; then in the other, which holds the matchers. Where one breaks that too, the others start anew from their texts.
 */
export class GrammarService implements Grammars {
  readonly #verdicts = new LruCache<Promise<ThreadAnswer>>(MAX_VERDICTS);
  #checking: GrammarThread | null = null;
  #matching: GrammarThread | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #numMatchers = 0;

  constructor(readonly options: ThreadOptions) {}

  matcher(grammar: Grammar, stopTokenIds: readonly number[]): Matcher {
    return new ThreadMatcher(this, this.#numMatchers++, { grammar, stopTokenIds });
  }

  async close(): Promise<void> {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    await Promise.all([this.#checking?.close(), this.#matching?.close()]);
  }

  /** The thread of the matchers. */
  matchingThread(): GrammarThread {
    if (!this.#matching?.isOpen) this.#matching = new GrammarThread(this.options);
    return this.#matching;
  }

  /** What is wrong with a grammar; null where nothing is. */
  async verdict(grammar: Grammar): Promise<ApiError | null> {
    const answer = await this.#verdict(keyOf(grammar), grammar);
    return answer.ok ? null : this.refusal('invalid_grammar', answer, grammar);
  }

  /** @param code unless it is no fault of the grammar's */
  refusal(code: 'invalid_grammar' | 'grammar_failed', answer: ThreadAnswer, { field }: Grammar): ApiError {
    const problem = problemOf(answer, this.options.timeoutMs);
    if (problem === null) return new ApiError('internal_error', 'The grammar could not be used.');
    return field === undefined
      ? new ApiError(code, problem)
      : new ApiError(code, `${field}: ${problem}`, field);
  }

  /** What is no fault of the grammar's is asked again the next time. */
  #verdict(key: string, grammar: Grammar): Promise<ThreadAnswer> {
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = outlive(() => this.#checkingThread(), { type: 'check', grammar }).then((answer) => {
      this.#endWhenIdle();
      if (!answer.ok && problemOf(answer, 0) === null) this.#verdicts.delete(key);
      return answer;
    });
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  #checkingThread(): GrammarThread {
    if (!this.#checking?.isOpen) this.#checking = new GrammarThread(this.options);
    return this.#checking;
  }

  #endWhenIdle(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => void this.#checking?.close(), IDLE_MS).unref();
  }
}

class ThreadMatcher implements Matcher {
  #thread: GrammarThread | null = null;
  /** Tokens that the thread knows. */
  #numKnown = 0;
  #isClosed = false;

  constructor(
    readonly service: GrammarService,
    readonly id: number,
    readonly start: { readonly grammar: Grammar; readonly stopTokenIds: readonly number[] },
  ) {}

  async masks(tokenIds: readonly number[], drafts: readonly number[]): Promise<Masks> {
    if (this.#thread === null) {
      const error = await this.service.verdict(this.start.grammar);
      if (error !== null) throw error;
    }
    for (let tries = 0; ; tries++) {
      const answer = await this.#ask(tokenIds, drafts);
      if (answer.ok && answer.masks !== null) return answer.masks;
      if (answer.ok || answer.kind !== 'lost' || tries === MAX_TRIES) {
        throw this.service.refusal('grammar_failed', answer, this.start.grammar);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#thread?.forget(this.id);
  }

  async #ask(tokenIds: readonly number[], drafts: readonly number[]): Promise<ThreadAnswer> {
    const thread = this.service.matchingThread();
    const isNew = thread !== this.#thread;
    const answer = thread.ask({
      type: 'masks',
      matcher: this.id,
      start: isNew ? this.start : null,
      tokenIds: tokenIds.slice(isNew ? 0 : this.#numKnown),
      drafts,
    });
    this.#thread = thread;
    this.#numKnown = tokenIds.length;
    const answered = await answer;
    if (this.#isClosed) thread.forget(this.id);
    return answered;
  }
}

async function outlive(
  threadOf: () => GrammarThread,
  request: Numberless<CheckRequest>,
): Promise<ThreadAnswer> {
  for (let tries = 0; ; tries++) {
    const answer = await threadOf().ask(request);
    if (answer.ok || answer.kind !== 'lost' || tries === MAX_TRIES) return answer;
  }
}

/** What is wrong with a grammar; null where the fault is not its own. */
function problemOf(answer: ThreadAnswer, timeoutMs: number): string | null {
  if (answer.ok) return null;
  switch (answer.kind) {
    case 'invalid':
      return answer.message;
    case 'timeout':
      return `It is too complex: it takes more than ${timeoutMs / 1000} seconds.`;
    case 'defect':
      return 'It is too complex: it cannot be compiled.';
    case 'lost':
    case 'no-start':
      return null;
    default:
      return answer satisfies never;
  }
}
