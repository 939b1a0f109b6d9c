import type { StepResults } from '#halflight/engine/model-runner.js';
import { ApiError } from '#halflight/errors.js';
import type { Masks } from '#halflight/grammar/protocol.js';
import type { Grammars, Matcher } from '#halflight/grammar/service.js';
import type { Grammar } from '#halflight/grammar/spec.js';
import type { Batch } from '#halflight/ops/ops.js';
import { RESULT } from '#halflight/ops/result-layout.js';
import { FAKE_VOCAB_SIZE, FakeRunner } from './fake-runner.js';

/** Any text at all, as a specification. */
export const FAKE_GRAMMAR: Grammar = { spec: { type: 'literal', text: 'fake' } };

/** Tokens that may follow a text; an error where none may be told. */
export type FakeRule = (tokenIds: readonly number[]) => readonly number[] | Promise<readonly number[]>;

/** Grammars that are functions of the text so far. */
export class FakeGrammars implements Grammars {
  /** Texts that masks were asked for. */
  readonly asked: (readonly number[])[] = [];
  numOpen = 0;
  isClosed = false;

  constructor(readonly rule: FakeRule) {}

  matcher(): Matcher {
    this.numOpen += 1;
    const close = () => {
      this.numOpen -= 1;
    };
    return { masks: (tokenIds) => this.#masks(tokenIds), close };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  async #masks(tokenIds: readonly number[]): Promise<Masks> {
    this.asked.push(tokenIds);
    const words = new Uint32Array(Math.ceil(FAKE_VOCAB_SIZE / 32));
    for (const id of await this.rule(tokenIds)) words[id >>> 5] |= 1 << (id & 31);
    return { words, numDrafts: 0 };
  }
}

/** A fake model that takes the first token of a mask, where there is one. */
export class MaskedRunner extends FakeRunner {
  override async run(batch: Batch, wanted?: { readonly hidden: boolean }): Promise<StepResults> {
    const reading = await super.run(batch, wanted);
    for (const [row, { edits }] of batch.sampling.entries()) {
      const allowed = edits?.allowed ?? null;
      const word = allowed?.findIndex((bits) => bits !== 0) ?? -1;
      if (allowed === null || word < 0) continue;
      reading.words[row * RESULT.words] = 32 * word + 31 - Math.clz32(allowed[word] & -allowed[word]);
    }
    return reading;
  }
}

export function badGrammar(): never {
  throw new ApiError('invalid_grammar', 'x: it is none.', 'x');
}
