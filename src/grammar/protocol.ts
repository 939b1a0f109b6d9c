import type { Grammar } from './spec.js';

/** What a thread of grammars is started with. */
export interface GrammarThreadOptions {
  /** Model whose tokenizer gives the bytes of the tokens. */
  readonly modelDir: string;
  /** Tokens that the logits have. */
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  /** i32 `[2]`: the request that is worked on, and since when (`clock`). It tells who takes too long. */
  readonly progress: Int32Array;
}

/** Compiles the grammar and nothing more. */
export interface CheckRequest {
  readonly type: 'check';
  readonly id: number;
  readonly grammar: Grammar;
}

/** The tokens that may follow the text of a matcher. */
export interface MaskRequest {
  readonly type: 'masks';
  readonly id: number;
  readonly matcher: number;
  /** Where the thread does not know the matcher yet. */
  readonly start: { readonly grammar: Grammar; readonly stopTokenIds: readonly number[] } | null;
  /** Tokens behind those that it knows. */
  readonly tokenIds: readonly number[];
  /** Guesses of what comes behind these. */
  readonly drafts: readonly number[];
}

export type ToGrammarThread =
  | { readonly type: 'work'; readonly requests: readonly (CheckRequest | MaskRequest)[] }
  | { readonly type: 'forget'; readonly matchers: readonly number[] };

export interface Masks {
  /** u32 `[1 + drafts][ceil(vocab/32)]`, after the text and after each draft that the grammar allows. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly numDrafts: number;
}

export type GrammarAnswer =
  | { readonly id: number; readonly ok: true; readonly masks: Masks | null }
  /** `invalid` is what the grammar's author did wrong. */
  | {
      readonly id: number;
      readonly ok: false;
      readonly kind: 'invalid' | 'defect';
      readonly message: string;
    };

export type FromGrammarThread =
  | { readonly type: 'ready' }
  | { readonly type: 'answers'; readonly answers: readonly GrammarAnswer[] };

/** Places of `progress`. */
export const PROGRESS = { request: 0, since: 1, words: 2 } as const;

/** Milliseconds that two threads count alike, within 31 bits. */
export function clock(): number {
  return Date.now() & 0x7fff_ffff;
}
