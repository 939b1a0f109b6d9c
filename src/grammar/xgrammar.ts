/** What is used of `@mlc-ai/web-xgrammar`, whose WebAssembly is in its one script. Each object holds memory until it is disposed of. */
export interface Disposable {
  dispose(): void;
}

export interface TokenizerInfo extends Disposable {
  getVocabSize(): number;
}

export type CompiledGrammar = Disposable;

export interface GrammarCompiler extends Disposable {
  compileGrammar(ebnf: string): Promise<CompiledGrammar>;
}

export interface GrammarMatcher extends Disposable {
  acceptToken(tokenId: number): boolean;
  /** Bits of the tokens that may follow, `[ceil(vocab/32)]`. */
  getNextTokenBitmask(): Promise<Int32Array>;
  isTerminated(): boolean;
  rollBack(numTokens: number): void;
}

export interface Xgrammar {
  readonly TokenizerInfo: {
    /** A token without bytes is never drawn. */
    createTokenizerInfo(
      tokens: readonly Uint8Array[],
      type: 'raw',
      prependSpace: boolean,
      vocabSize: number,
      stopTokenIds: readonly number[],
    ): Promise<TokenizerInfo>;
  };
  readonly GrammarCompiler: {
    createGrammarCompiler(info: TokenizerInfo, caches: boolean): Promise<GrammarCompiler>;
  };
  readonly GrammarMatcher: {
    createGrammarMatcher(grammar: CompiledGrammar, stopTokenIds: readonly number[]): Promise<GrammarMatcher>;
  };
}

/**
 * Loads the package. It is a script for browsers: it asks `location` where it lies, and leaves what it exports in a global. So this belongs into a
 * thread of its own. `report` gets what the library writes to the console: its reasons come nowhere else.
 */
export async function loadXgrammar(report: (line: string) => void): Promise<Xgrammar> {
  const scope = globalThis as { location?: unknown; xgrammar?: unknown };
  // The library binds the console's functions when it starts, which is at its first use.
  console.error = console.warn = console.log = (...parts: unknown[]) => report(parts.join(' '));
  const url = import.meta.resolve('@mlc-ai/web-xgrammar');
  scope.location = { href: url };
  await import(url);
  return scope.xgrammar as Xgrammar;
}

/** The reason in a line of the library's log, such as `[FATAL] /path/to/file.cc:12: reason`; null where there is none. */
export function reasonOf(line: string): string | null {
  const [, reason] = /^\[(?:FATAL|WARNING)\][^\n]*?\.cc:\d+: ([\s\S]*)$/.exec(line.trim()) ?? [];
  return reason ?? null;
}
