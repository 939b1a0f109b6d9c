import { ApiError } from '../errors.js';
import { overlap } from './output/markers.js';

/** Unicode's noncharacters U+FDD0–U+FDEF: never part of a text that is meant to be read. */
const FIRST_GUARD = 0xfdd0;
const NUM_GUARDS = 32;

export interface Guarded<T> {
  readonly value: T;
  /** The character that marks what the caller wrote; it occurs nowhere in the caller's own strings. */
  readonly guard: string;
}

/**
 * Puts a guard character into each special token that a caller's strings spell, so that it stays text when a template has put it
 * among the special tokens of its own (see `Tokenizer.encodeGuarded`). A string that ends in the beginning of one is marked too, since
 * the template may put text after it. A template that deletes text from within a string could still join one: templates are the model's.
 * @param value strings, lists and objects, nested at most as deep as the request's body may be
 * @throws ApiError where the strings hold every guard character there is
 */
export function guardStrings<T>(value: T, specialTokens: readonly string[]): Guarded<T> {
  const guard = unusedCharacter(value);
  const map: Mapping = {
    key: (name) => markTokens(name, specialTokens, guard),
    text: (key, text) => guardField(key, text, specialTokens, guard),
  };
  return { value: mapStrings(value, '', map) as T, guard };
}

/** A character that no string of the value holds, and that no text is meant to. @throws ApiError as above */
export function unusedCharacter(value: unknown): string {
  const text = JSON.stringify(value);
  for (let i = 0; i < NUM_GUARDS; i++) {
    const guard = String.fromCharCode(FIRST_GUARD + i);
    if (!text.includes(guard)) return guard;
  }
  throw new ApiError(
    'invalid_value',
    'messages must not hold all of the noncharacters U+FDD0–U+FDEF.',
    'messages',
  );
}

/** Fields with a closed set of values, which templates compare. */
const LITERAL_FIELDS: ReadonlySet<string> = new Set(['role', 'type']);

function guardField(key: string, text: string, specialTokens: readonly string[], guard: string): string {
  const marked = markTokens(text, specialTokens, guard);
  if (LITERAL_FIELDS.has(key)) return marked;
  return specialTokens.some((token) => overlap(marked, token) > 0) ? marked + guard : marked;
}

function markTokens(text: string, specialTokens: readonly string[], guard: string): string {
  return specialTokens.reduce((result, token) => markOccurrences(result, token, guard), text);
}

/** The guard goes behind the first character. Occurrences may overlap, so one pass can leave some. */
function markOccurrences(text: string, token: string, guard: string): string {
  const marked = `${token.slice(0, 1)}${guard}${token.slice(1)}`;
  let result = text.replaceAll(token, marked);
  while (token.length > 1 && result.includes(token)) result = result.replaceAll(token, marked);
  return result;
}

function mapStrings(value: unknown, key: string, map: Mapping): unknown {
  if (typeof value === 'string') return map.text(key, value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, key, map));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [map.key(name), mapStrings(item, name, map)]);
  return Object.fromEntries(entries);
}

interface Mapping {
  readonly key: (name: string) => string;
  readonly text: (key: string, text: string) => string;
}
