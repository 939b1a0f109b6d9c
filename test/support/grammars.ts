import { Compiler } from '#halflight/grammar/compiler.js';
import { GrammarError } from '#halflight/grammar/grammar-error.js';
import type { Grammar, GrammarSpec } from '#halflight/grammar/spec.js';
import { loadXgrammar } from '#halflight/grammar/xgrammar.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { fable } from './models.js';

export const tokenizer = loadTokenizer(fable);
export const EOS = [...Array(tokenizer.vocabSize).keys()].filter((id) => tokenizer.isSpecial(id)).at(-1) ?? 0;

/** A compiler for the bundled model's tokens, in this thread, whose console it takes. */
export async function createCompiler(): Promise<Compiler> {
  const lines: string[] = [];
  const library = await loadXgrammar((line) => lines.push(line));
  const takeLog = () => lines.splice(0);
  return new Compiler(library, { tokenizer, vocabSize: tokenizer.vocabSize, eosTokenIds: [EOS], takeLog });
}

/** Tells whether texts fit, by the library's own matcher: from the first token to the end. */
export class Judge {
  constructor(readonly compiler: Compiler) {}

  async fits(spec: GrammarSpec | Grammar, text: string): Promise<boolean> {
    const grammar = 'spec' in spec ? spec : { spec };
    const matcher = await this.compiler.matcher(grammar, []);
    const ids = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
    const isAccepted = ids.every((id) => matcher.acceptToken(id));
    const mask = isAccepted ? await matcher.getNextTokenBitmask() : new Int32Array(0);
    matcher.dispose();
    return isAccepted && ((mask[EOS >>> 5] >>> (EOS & 31)) & 1) === 1;
  }

  /** Texts of the list that do not fit. */
  async misfits(spec: GrammarSpec | Grammar, texts: readonly string[]): Promise<string[]> {
    const out: string[] = [];
    for (const text of texts) if (!(await this.fits(spec, text))) out.push(text);
    return out;
  }

  /** The same of JSON values, written as JSON, under a schema. */
  valueMisfits(schema: unknown, values: readonly unknown[], strict = false): Promise<string[]> {
    return this.misfits(
      { type: 'json_schema', schema, strict },
      values.map((value) => JSON.stringify(value)),
    );
  }

  /** Why it is none; null where it compiles. */
  async problem(spec: GrammarSpec): Promise<string | null> {
    try {
      await this.compiler.check({ spec });
      return null;
    } catch (error) {
      if (error instanceof GrammarError) return error.message;
      throw error;
    }
  }

  schemaProblem(schema: unknown): Promise<string | null> {
    return this.problem({ type: 'json_schema', schema, strict: false });
  }
}

export async function createJudge(): Promise<Judge> {
  return new Judge(await createCompiler());
}
