import type { MessagePort } from 'node:worker_threads';
import { loadTokenizer } from '../text/tokenizer.js';
import { Compiler } from './compiler.js';
import { GrammarError } from './grammar-error.js';
import { Matchers } from './matchers.js';
import {
  type CheckRequest,
  clock,
  type FromGrammarThread,
  type GrammarAnswer,
  type GrammarThreadOptions,
  type MaskRequest,
  type Masks,
  PROGRESS,
  type ToGrammarThread,
} from './protocol.js';
import { loadXgrammar } from './xgrammar.js';

/** Answers requests for grammars on `port`, one after another, until a defect ends the thread. */
export async function runGrammarThread(port: MessagePort, options: GrammarThreadOptions): Promise<void> {
  const thread = await createThread(options);
  const post = (message: FromGrammarThread, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  let last: Promise<void> = Promise.resolve();
  port.on('message', (message: ToGrammarThread) => {
    last = last.then(async () => {
      if (message.type === 'forget') for (const id of message.matchers) thread.matchers.forget(id);
      else await answerAll(message.requests);
    });
  });
  const answerAll = async (requests: readonly (CheckRequest | MaskRequest)[]): Promise<void> => {
    const answers: GrammarAnswer[] = [];
    for (const request of requests) {
      const answered = await thread.answer(request);
      answers.push(answered);
      // What follows a defect cannot be trusted: whoever asked starts another thread.
      if (!answered.ok && answered.kind === 'defect') break;
    }
    post({ type: 'answers', answers }, answers.flatMap(buffersOf));
  };
  post({ type: 'ready' });
}

interface GrammarThread {
  readonly matchers: Matchers;
  readonly answer: (request: CheckRequest | MaskRequest) => Promise<GrammarAnswer>;
}

async function createThread({
  modelDir,
  progress,
  ...options
}: GrammarThreadOptions): Promise<GrammarThread> {
  let log: string[] = [];
  const library = await loadXgrammar((line) => log.push(line));
  const takeLog = () => {
    const taken = log;
    log = [];
    return taken;
  };
  const compiler = new Compiler(library, { tokenizer: loadTokenizer(modelDir), takeLog, ...options });
  const matchers = new Matchers(compiler, options.vocabSize);
  return { matchers, answer: (request) => answer(request, { compiler, matchers, progress }) };
}

async function answer(
  request: CheckRequest | MaskRequest,
  {
    compiler,
    matchers,
    progress,
  }: { readonly compiler: Compiler; readonly matchers: Matchers; readonly progress: Int32Array },
): Promise<GrammarAnswer> {
  const { id } = request;
  Atomics.store(progress, PROGRESS.since, clock());
  Atomics.store(progress, PROGRESS.request, id);
  try {
    let masks: Masks | null = null;
    if (request.type === 'masks') masks = await matchers.masks(request);
    else await compiler.check(request.grammar);
    return { id, ok: true, masks };
  } catch (error) {
    const kind = error instanceof GrammarError ? 'invalid' : 'defect';
    return { id, ok: false, kind, message: error instanceof Error ? error.message : String(error) };
  }
}

function buffersOf(answered: GrammarAnswer): ArrayBuffer[] {
  return answered.ok && answered.masks !== null ? [answered.masks.words.buffer] : [];
}
