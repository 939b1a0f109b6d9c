import { charSet, JSON_PLAIN, rawClass, without } from './char-set.js';
import { literal, type RuleSet, times } from './ebnf.js';
import { decimalRange } from './number-range.js';

/** White space between two parts of a JSON text: a space, or a new line and its indentation. Without a limit a model can write it for ever. */
const SPACE = '(" "? | "\\u000a" [ \\u0009]{0,20})';

/** Surrogates are no characters: one that stands outside of the BMP is written as itself. */
const ESCAPE =
  '"\\u005c" ([\\u0022\\u005c\\u002fbfnrt] | "u" ([0-9A-CE-Fa-ce-f] [0-9A-Fa-f]{3} | [Dd] [0-7] [0-9A-Fa-f]{2}))';

/** Rules for the parts of JSON texts. */
export class JsonText {
  constructor(readonly rules: RuleSet) {}

  get space(): string {
    return this.rules.add(SPACE);
  }

  /** One character of a string, escaped or not. */
  get char(): string {
    return this.rules.add(`(${rawClass(JSON_PLAIN)} | ${ESCAPE})`);
  }

  string(minLength: number, maxLength: number | null): string {
    return this.rules.add(`"\\u0022" ${times(this.char, minLength, maxLength)} "\\u0022"`);
  }

  /** Any value. */
  get value(): string {
    return this.rules.once('value', () => {
      const text = this.string(0, null);
      const scalars = `${text} | ${this.rules.add(decimalRange(null, null))} | "true" | "false" | "null"`;
      return `${scalars} | ${this.#object()} | ${this.#array()}`;
    });
  }

  /** The value itself, without spaces within. */
  constant(value: unknown): string {
    return literal(JSON.stringify(value));
  }

  /** What stands between the brackets, in any number from `min` to `max`. */
  list(item: string, min: number, max: number | null): string {
    if (max === 0) return '""';
    const more = times(`${this.comma} ${item}`, Math.max(0, min - 1), max === null ? null : max - 1);
    const some = `${this.space} ${item} ${more} ${this.space}`;
    return min === 0 ? `(${some})?` : some;
  }

  get comma(): string {
    return this.rules.add(`${this.space} "," ${this.space}`);
  }

  /** A key and its value. @param key a string of JSON as EBNF */
  member(key: string, value: string): string {
    return `${key} ${this.rules.add(`${this.space} ":" ${this.space}`)} ${value}`;
  }

  #object(): string {
    const member = this.rules.once('member', () => this.member(this.string(0, null), this.value));
    return this.rules.once('object', () => `"{" ${this.list(member, 0, null)} "}"`);
  }

  #array(): string {
    return this.rules.once('array', () => `"[" ${this.list(this.value, 0, null)} "]"`);
  }
}

/** A string of JSON whose content is that expression. */
export function quoted(content: string): string {
  return `"\\u0022" ${content} "\\u0022"`;
}

/** Content of a string that is none of the names, written without escapes. */
export function otherNames(names: readonly string[]): string {
  const known = names.filter((name) => name === '' || [...name].every((char) => isPlain(char)));
  return notIn(known.map((name) => [...name]));
}

function isPlain(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return JSON_PLAIN.some(([first, last]) => first <= code && code <= last);
}

/** A tree of the names' characters: a text leaves it, or ends where no name does. */
function notIn(names: readonly (readonly string[])[]): string {
  const firsts = new Map<string, string[][]>();
  for (const [first, ...rest] of names) {
    if (first !== undefined) firsts.set(first, [...(firsts.get(first) ?? []), rest]);
  }
  const any = `${rawClass(JSON_PLAIN)}*`;
  if (names.length === 0) return any;
  const others = withoutChars([...firsts.keys()]);
  const alternatives = [
    `${others} ${any}`,
    ...[...firsts].map(([char, rest]) => `${literal(char)} ${notIn(rest)}`),
  ];
  if (!names.some((name) => name.length === 0)) alternatives.push('""');
  return `(${alternatives.join(' | ')})`;
}

function withoutChars(chars: readonly string[]): string {
  return rawClass(chars.length === 0 ? JSON_PLAIN : without(JSON_PLAIN, charSet(...chars)));
}
