import type { RuleSet } from './ebnf.js';
import type { SchemaObject } from './json-keywords.js';
import type { JsonText } from './json-text.js';

/** How parts of a schema become rules; `at` is the part's path, for errors. */
export interface SchemaContext {
  readonly text: JsonText;
  readonly rules: RuleSet;
  readonly strict: boolean;
  /** @returns the name of the rule of a schema */
  readonly rule: (schema: unknown, at: string) => string;
  /** Content of a string that a schema of strings allows, with the quotes. */
  readonly stringRule: (schema: SchemaObject, at: string) => string;
}
