import { Worker } from 'node:worker_threads';
import {
  type CheckRequest,
  clock,
  type FromGrammarThread,
  type GrammarAnswer,
  type GrammarThreadOptions,
  type MaskRequest,
  PROGRESS,
  type ToGrammarThread,
} from './protocol.js';

/** Reading a tokenizer of 150,000 tokens takes about a second. */
const START_TIMEOUT_MS = 120_000;

export interface ThreadOptions extends Omit<GrammarThreadOptions, 'progress'> {
  /** Time that one request may take. */
  readonly timeoutMs: number;
  /** The thread's entry; tests give their own. */
  readonly workerUrl?: URL;
}

/** `lost` asks for another thread: this one ended over another's request. */
export type ThreadAnswer =
  | GrammarAnswer
  | { readonly ok: false; readonly kind: 'timeout' | 'lost' | 'no-start'; readonly message: string };

/** What a request is before it has its number. */
export type Numberless<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A thread of grammars. It ends where a request takes too long or breaks it: that one fails, the others are told to go elsewhere. */
export class GrammarThread {
  readonly #worker: Worker;
  readonly #progress = new Int32Array(new SharedArrayBuffer(4 * PROGRESS.words));
  readonly #waiting = new Map<number, (answer: ThreadAnswer) => void>();
  #outbox: (CheckRequest | MaskRequest)[] = [];
  #numRequests = 0;
  #timer: NodeJS.Timeout | null = null;
  #isReady = false;
  #isOpen = true;
  readonly #startMs = performance.now();

  constructor(readonly options: ThreadOptions) {
    const { modelDir, vocabSize, eosTokenIds, workerUrl } = options;
    const workerData: GrammarThreadOptions = { modelDir, vocabSize, eosTokenIds, progress: this.#progress };
    this.#worker = new Worker(workerUrl ?? new URL('./worker.js', import.meta.url), { workerData });
    this.#worker.on('message', (message: FromGrammarThread) => this.#receive(message));
    this.#worker.on('error', (error) => this.#end('defect', error.message));
    this.#worker.on('exit', () => this.#end('defect', 'the thread ended'));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What one turn of the event loop asks travels in one message, and so do the answers. Never rejects. */
  ask(request: Numberless<CheckRequest | MaskRequest>): Promise<ThreadAnswer> {
    if (!this.#isOpen) return Promise.resolve({ ok: false, kind: 'lost', message: 'the thread has ended' });
    const id = ++this.#numRequests;
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push({ ...request, id });
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#watch(this.options.timeoutMs);
    });
  }

  /** The matcher is not asked again. */
  forget(matcher: number): void {
    if (this.#isOpen) this.#post({ type: 'forget', matchers: [matcher] });
  }

  /** Whatever is asked still is lost. */
  async close(): Promise<void> {
    this.#end('lost', 'the thread was closed');
    await this.#worker.terminate();
  }

  #post(message: ToGrammarThread): void {
    this.#worker.postMessage(message);
  }

  #flush(): void {
    const requests = this.#outbox;
    this.#outbox = [];
    if (this.#isOpen) this.#post({ type: 'work', requests });
  }

  #receive(message: FromGrammarThread): void {
    if (message.type === 'ready') {
      this.#isReady = true;
      return;
    }
    for (const answer of message.answers) {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    }
    if (message.answers.some((answer) => !answer.ok && answer.kind === 'defect'))
      this.#end('lost', 'a defect');
    if (this.#waiting.size === 0) this.#unwatch();
  }

  /** Looks again after that time whether the request at work has had its own. */
  #watch(afterMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const leftMs = this.#isReady ? this.#leftMs() : this.#startMs + START_TIMEOUT_MS - performance.now();
      if (leftMs > 0) this.#watch(leftMs);
      else this.#end('timeout', 'it took too long');
    }, afterMs);
  }

  #leftMs(): number {
    const isAtWork = this.#waiting.has(Atomics.load(this.#progress, PROGRESS.request));
    const usedMs = (clock() - Atomics.load(this.#progress, PROGRESS.since)) & 0x7fff_ffff;
    return isAtWork ? this.options.timeoutMs - usedMs : this.options.timeoutMs;
  }

  #unwatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** The request at work is to blame; before any was, all are lost for good. */
  #end(kind: 'timeout' | 'defect' | 'lost', message: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unwatch();
    const culprit = kind === 'lost' ? 0 : Atomics.load(this.#progress, PROGRESS.request);
    const others = kind !== 'lost' && culprit === 0 ? 'no-start' : 'lost';
    for (const [id, resolve] of this.#waiting) {
      if (id !== culprit) resolve({ ok: false, kind: others, message });
      else if (kind === 'defect') resolve({ id, ok: false, kind, message });
      else if (kind === 'timeout') resolve({ ok: false, kind, message });
    }
    this.#waiting.clear();
    void this.#worker.terminate();
  }
}
