/** What an answer's text must be. Plain data: it crosses threads, and its JSON is its name in caches. */
export type GrammarSpec =
  | SpecPart
  /** EBNF as xgrammar and GBNF write it: `root ::= "yes" | "no"`. */
  | { readonly type: 'ebnf'; readonly text: string };

/** What specifications can be put together from. */
export type SpecPart =
  | JsonSchemaSpec
  /** The whole text matches: anchors are implied. */
  | { readonly type: 'regex'; readonly pattern: string }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'literal'; readonly text: string }
  /** The parts one after another. */
  | { readonly type: 'sequence'; readonly parts: readonly SpecPart[] }
  | { readonly type: 'any_of'; readonly parts: readonly SpecPart[] }
  /** The part, once or more, at most `max` times, with a text between two. */
  | {
      readonly type: 'repeat';
      readonly part: SpecPart;
      readonly separator: string;
      /** null sets no limit. */
      readonly max: number | null;
    };

export interface JsonSchemaSpec {
  readonly type: 'json_schema';
  readonly schema: unknown;
  /** Objects with `properties` have no others, where the schema does not say; false takes the standard's rule, which allows any. */
  readonly strict: boolean;
}

/** A constraint, and what it needs of the vocabulary. */
export interface Grammar {
  readonly spec: GrammarSpec;
  /** Special tokens that may stand for their text, such as markers of calls; all others are never drawn. */
  readonly specialTokens?: readonly string[];
  /** The caller's name of it, for errors. */
  readonly field?: string;
}

/** A JSON object of any kind. */
export const JSON_OBJECT: JsonSchemaSpec = {
  type: 'json_schema',
  schema: { type: 'object' },
  strict: false,
};

export const MAX_SPEC_BYTES = 64 * 1024;
export const MAX_SCHEMA_DEPTH = 32;

/** A function whose arguments are an object of that schema. */
export interface CallableFunction {
  readonly name: string;
  readonly parameters: unknown;
}

/** How a model writes a call: what stands before the arguments and after them. */
export interface CallFrame {
  readonly before: string;
  readonly after: string;
}

/**
 * A text that is calls of the functions and nothing else, at least one.
 * @param frame what stands around the arguments of a function; @param separator between two calls
 */
export function callsSpec(
  functions: readonly CallableFunction[],
  frame: (name: string) => CallFrame,
  { separator, maxCalls }: { readonly separator: string; readonly maxCalls: number | null },
): SpecPart {
  const calls = functions.map(({ name, parameters }): SpecPart => {
    const { before, after } = frame(name);
    const schema = { type: 'json_schema', schema: objectSchema(parameters), strict: true } as const;
    return {
      type: 'sequence',
      parts: [{ type: 'literal', text: before }, schema, { type: 'literal', text: after }],
    };
  });
  return { type: 'repeat', part: { type: 'any_of', parts: calls }, separator, max: maxCalls };
}

/** Arguments are an object also where the schema does not say so. */
function objectSchema(parameters: unknown): unknown {
  return typeof parameters === 'object' && parameters !== null
    ? { type: 'object', ...parameters }
    : parameters;
}
