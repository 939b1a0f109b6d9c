import { ApiError } from '../errors.js';
import type { Grammars } from '../grammar/service.js';
import { allowsToken, logitsEdits, type Vocabulary } from './logits-edits.js';
import type { Sequence } from './sequence.js';

export interface MaskEvents {
  /** The sequence knows what may come next. */
  onMask(sequence: Sequence): void;
  /** It cannot go on. */
  onRefused(sequence: Sequence, error: unknown): void;
}

/** Asks the grammars of sequences what may come next, while the device and other sequences go on. */
export class GrammarMasks {
  readonly #awaited = new Map<Sequence, Promise<void>>();
  #interrupt: () => void = () => undefined;

  constructor(
    readonly grammars: Grammars | null,
    readonly vocabulary: Vocabulary,
    readonly events: MaskEvents,
  ) {}

  /** Sequences whose grammar has still to tell. */
  get numAwaited(): number {
    return this.#awaited.size;
  }

  /** Before its first token. Does nothing where it follows no grammar. @throws ApiError where grammars cannot be followed */
  start(sequence: Sequence): void {
    const { grammar, stopTokenIds } = sequence.sampling;
    if (grammar === undefined) return;
    if (this.grammars === null) throw new ApiError('invalid_grammar', 'This engine follows no grammars.');
    sequence.matcher = this.grammars.matcher(grammar, stopTokenIds);
    this.ask(sequence);
  }

  /** Once all its tokens are known. */
  ask(sequence: Sequence): void {
    if (sequence.matcher === null) return;
    this.#awaited.set(sequence, this.#take(sequence));
  }

  /** Resolves when one of the sequences knows, or is given up, or there is something else to do. */
  async next(): Promise<void> {
    const interrupted = new Promise<void>((resolve) => {
      this.#interrupt = resolve;
    });
    await Promise.race([...this.#awaited.values(), interrupted]);
  }

  /** Other sequences can go on: a grammar that takes its time must not hold them up. */
  interrupt(): void {
    this.#interrupt();
  }

  forget(sequence: Sequence): void {
    sequence.matcher?.close();
    sequence.matcher = null;
    if (this.#awaited.delete(sequence)) this.#interrupt();
  }

  /** Never rejects. */
  async #take(sequence: Sequence): Promise<void> {
    try {
      const mask = await maskOf(sequence);
      if (!this.#awaited.delete(sequence)) return;
      sequence.mask = mask;
      this.#check(sequence);
      this.events.onMask(sequence);
    } catch (error) {
      this.#awaited.delete(sequence);
      if (sequence.status !== 'finished') this.events.onRefused(sequence, error);
    }
  }

  #check(sequence: Sequence): void {
    const edits = logitsEdits(sequence, [], this.vocabulary);
    if (edits === null || allowsToken(edits)) return;
    const message = 'The answer cannot go on: the grammar and the other parameters together allow no token.';
    throw new ApiError('grammar_failed', message);
  }
}

async function maskOf({ matcher, tokenIds, numPromptTokens }: Sequence): Promise<Uint32Array | null> {
  if (matcher === null) return null;
  const { words } = await matcher.masks(tokenIds.slice(numPromptTokens), []);
  return words;
}
