import { createHash } from 'node:crypto';
import type { Tokenizer } from '../text/tokenizer.js';
import { specToEbnf } from './convert.js';
import { GrammarError } from './grammar-error.js';
import { LruCache } from './lru-cache.js';
import type { Grammar } from './spec.js';
import type { CompiledGrammar, GrammarCompiler, GrammarMatcher, Xgrammar } from './xgrammar.js';
import { reasonOf } from './xgrammar.js';

/** Compiled grammars that are kept: with 150,000 tokens one takes up to some megabytes. */
const MAX_GRAMMARS = 32;
/** Vocabularies, one for each set of special tokens that grammars use; one takes about 20 MB. */
const MAX_VOCABULARIES = 4;

export interface CompilerOptions {
  readonly tokenizer: Tokenizer;
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  /** Lines of the library's log since it was last asked; the first that gives a reason tells what is wrong. */
  readonly takeLog: () => readonly string[];
}

/** Makes matchers of grammars for one vocabulary. */
export class Compiler {
  readonly #grammars = new LruCache<CompiledGrammar>(MAX_GRAMMARS, (grammar) => grammar.dispose());
  readonly #compilers = new LruCache<GrammarCompiler>(MAX_VOCABULARIES, (compiler) => compiler.dispose());

  constructor(
    readonly library: Xgrammar,
    readonly options: CompilerOptions,
  ) {}

  /**
   * A matcher at the start of a text. It ends at the model's end tokens, and at those of `stopTokenIds` that are no text.
   * @throws GrammarError where the grammar is none; anything else leaves the library in a state that nobody knows
   */
  async matcher(grammar: Grammar, stopTokenIds: readonly number[]): Promise<GrammarMatcher> {
    const compiled = await this.#compiled(grammar);
    const { eosTokenIds, tokenizer } = this.options;
    const stops = stopTokenIds.filter((id) => tokenizer.isSpecial(id));
    return this.library.GrammarMatcher.createGrammarMatcher(compiled, [
      ...new Set([...eosTokenIds, ...stops]),
    ]);
  }

  /** Compiles the grammar and looks whether a text can begin. @throws as above */
  async check(grammar: Grammar): Promise<void> {
    const matcher = await this.matcher(grammar, []);
    const mask = await matcher.getNextTokenBitmask();
    matcher.dispose();
    if (mask.every((word) => word === 0))
      throw new GrammarError('No text fits it, or no token can begin one.');
  }

  async #compiled(grammar: Grammar): Promise<CompiledGrammar> {
    const key = keyOf(grammar);
    const known = this.#grammars.get(key);
    if (known !== undefined) return known;
    const ebnf = convert(grammar);
    const compiler = await this.#compiler(grammar.specialTokens ?? []);
    const compiled = await this.#compile(compiler, ebnf);
    this.#grammars.set(key, compiled);
    return compiled;
  }

  /** The library ends with a reason in its log where it does not understand, and can go on; without one it cannot. */
  async #compile(compiler: GrammarCompiler, ebnf: string): Promise<CompiledGrammar> {
    this.options.takeLog();
    try {
      return await compiler.compileGrammar(ebnf);
    } catch (error) {
      const reasons = this.options.takeLog().map(reasonOf);
      const reason = reasons.find((one) => one !== null);
      throw reason === undefined || reason === null
        ? error
        : new GrammarError(`${reason.trim().slice(0, 300)}.`);
    }
  }

  async #compiler(specialTokens: readonly string[]): Promise<GrammarCompiler> {
    const key = JSON.stringify(specialTokens.toSorted());
    const known = this.#compilers.get(key);
    if (known !== undefined) return known;
    const { tokenizer, vocabSize, eosTokenIds } = this.options;
    const tokens = tokenTexts(tokenizer, vocabSize, new Set(specialTokens));
    const info = await this.library.TokenizerInfo.createTokenizerInfo(
      tokens,
      'raw',
      false,
      vocabSize,
      eosTokenIds,
    );
    const compiler = await this.library.GrammarCompiler.createGrammarCompiler(info, false);
    info.dispose();
    this.#compilers.set(key, compiler);
    return compiler;
  }
}

/** Name of a grammar in caches. */
export function keyOf({ spec, specialTokens }: Grammar): string {
  return createHash('sha256').update(JSON.stringify({ spec, specialTokens })).digest('hex');
}

function convert({ spec }: Grammar): string {
  try {
    return specToEbnf(spec);
  } catch (error) {
    if (error instanceof RangeError) throw new GrammarError('It is nested too deep.');
    throw error;
  }
}

const NO_TEXT = new Uint8Array(0);

/** Bytes of each token. Special ones have none, but those that the grammar is about. */
export function tokenTexts(
  tokenizer: Tokenizer,
  vocabSize: number,
  shown: ReadonlySet<string>,
): readonly Uint8Array[] {
  const isText = (id: number) => !tokenizer.isSpecial(id) || shown.has(tokenizer.tokenText(id));
  return Array.from({ length: Math.min(vocabSize, tokenizer.vocabSize) }, (_, id) =>
    isText(id) ? tokenizer.tokenBytes(id) : NO_TEXT,
  );
}
