/** A call that is whole: `arguments` is the text of a JSON object, as the model wrote it. */
export interface FunctionCall {
  readonly name: string;
  readonly arguments: string;
}

/** What a parser finds in an answer, in its order. */
export type OutputEvent =
  | { readonly kind: 'content' | 'reasoning'; readonly text: string }
  | { readonly kind: 'call'; readonly call: FunctionCall };

/**
 * Reads an answer piece by piece. However it is cut, the texts of the same kind joined, and the calls, are the same; what is no call
 * after all comes as content, character by character.
 */
export interface EventParser {
  push(text: string): readonly OutputEvent[];
  /** What was held back, when no text follows. Called once. */
  end(): readonly OutputEvent[];
}

/** A function that the caller offers. `parameters` is its JSON Schema. */
export interface OfferedFunction {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}
