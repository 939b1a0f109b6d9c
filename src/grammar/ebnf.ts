import { GrammarError } from './grammar-error.js';

/** Of what one specification becomes; more would take long to compile. */
const MAX_LENGTH = 1 << 20;

/** Unpaired surrogates become U+FFFD: UTF-8 does not have them. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** A character for a literal or a class: what could mean something else is escaped. */
export function quoteChar(code: number): string {
  if (code > 0xffff) return `\\U${code.toString(16).padStart(8, '0')}`;
  const char = String.fromCharCode(code);
  return /[A-Za-z0-9 ]/.test(char) ? char : `\\u${code.toString(16).padStart(4, '0')}`;
}

export function literal(text: string): string {
  return `"${[...wellFormed(text)].map((char) => quoteChar(char.codePointAt(0) ?? 0)).join('')}"`;
}

/** Any of the alternatives, in brackets where there are several. */
export function anyOf(alternatives: readonly string[]): string {
  return alternatives.length === 1 ? alternatives[0] : `(${alternatives.join(' | ')})`;
}

/** `expression` so many times. @param max null sets no limit */
export function times(expression: string, min: number, max: number | null): string {
  if (max === 0) return '""';
  if (min === 1 && max === 1) return expression;
  return `(${expression}){${min},${max ?? ''}}`;
}

/** Rules of a grammar under names of their own. */
export class RuleSet {
  readonly #rules: string[] = [];
  readonly #names = new Map<string, string>();
  #length = 0;
  #numReserved = 0;

  /** Adds a rule, or finds one of the same body. @returns its name */
  add(body: string): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.define(name, body);
    this.#names.set(body, name);
    return name;
  }

  /** The rule of that key, which is made only once: it may refer to itself. */
  once(key: string, make: () => string): string {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.#names.set(key, name);
    this.define(name, make());
    return name;
  }

  /** A name whose rule is to be defined. */
  reserve(): string {
    return `r${this.#numReserved++}`;
  }

  /** @throws GrammarError where the grammar becomes too long */
  define(name: string, body: string): void {
    this.#length += name.length + body.length;
    if (this.#length > MAX_LENGTH) {
      throw new GrammarError(`It becomes a grammar of more than ${MAX_LENGTH} characters.`);
    }
    this.#rules.push(`${name} ::= ${body}`);
  }

  /** The whole grammar. */
  text(root: string): string {
    return [`root ::= ${root}`, ...this.#rules].join('\n');
  }
}
