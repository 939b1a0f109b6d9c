import {
  ANY_CHAR,
  type CharSet,
  charSet,
  complement,
  DIGITS,
  LINE_ENDS,
  SPACES,
  union,
  WORD_CHARS,
} from './char-set.js';
import { anyOf, times, wellFormed } from './ebnf.js';
import { GrammarError } from './grammar-error.js';

/** A count of more is as good as a mistake. */
const MAX_COUNT = 100_000;
/** Of repetitions within repetitions: their product is what a matcher must tell apart. */
const MAX_NESTED_COUNT = 100_000;
const MAX_DEPTH = 100;

export interface RegexTarget {
  /** One character of the set as EBNF. */
  readonly char: (set: CharSet) => string;
  /** Whether a match may begin and end anywhere in the text, as in JSON Schema, but for anchors. */
  readonly isSearch: boolean;
}

/**
 * A regular expression of ECMAScript's `u` mode as EBNF. Known are characters, classes, groups, alternatives, greedy and lazy repetition, and
 * anchors at the two ends of an alternative of the whole.
 * @throws GrammarError with the position of what is wrong or not known
 */
export function regexToEbnf(pattern: string, target: RegexTarget): string {
  return new RegexReader(pattern, target).read();
}

interface Counted {
  readonly text: string;
  /** How often its innermost part may repeat, where that is bounded. */
  readonly count: number;
}

class RegexReader {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(
    pattern: string,
    readonly target: RegexTarget,
  ) {
    this.#chars = [...wellFormed(pattern)];
  }

  read(): string {
    const alternatives: string[] = [];
    do alternatives.push(this.#anchored());
    while (this.#take('|'));
    if (this.#at < this.#chars.length) throw this.#error('a closing bracket has no opening one');
    return anyOf(alternatives);
  }

  /** An alternative of the whole, with its anchors. */
  #anchored(): string {
    const others = `${this.target.char(ANY_CHAR)}*`;
    const isStart = this.#take('^');
    const { text } = this.#sequence();
    const isEnd = this.#take('$');
    if (isEnd && this.#peek() !== undefined && this.#peek() !== '|') {
      throw this.#error('$ is known at the end alone');
    }
    if (!this.target.isSearch) return text;
    return [isStart ? '' : others, text, isEnd ? '' : others].filter((part) => part !== '').join(' ');
  }

  #alternatives(): Counted {
    const parts: Counted[] = [];
    do parts.push(this.#sequence());
    while (this.#take('|'));
    return {
      text: anyOf(parts.map(({ text }) => text)),
      count: Math.max(...parts.map(({ count }) => count)),
    };
  }

  #sequence(): Counted {
    const parts: Counted[] = [];
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (char === '|' || char === ')' || (char === '$' && this.#depth === 0)) break;
      parts.push(this.#repeated());
    }
    if (parts.length === 0) return { text: '""', count: 1 };
    return {
      text: parts.map(({ text }) => text).join(' '),
      count: Math.max(...parts.map(({ count }) => count)),
    };
  }

  #repeated(): Counted {
    const atom = this.#atom();
    const bounds = this.#quantifier();
    if (bounds === null) return atom;
    // A lazy repetition matches the same texts.
    this.#take('?');
    if (this.#quantifier() !== null) throw this.#error('nothing is there to repeat');
    const [min, max] = bounds;
    const count = atom.count * Math.max(1, min, max ?? 1);
    if (count > MAX_NESTED_COUNT) throw this.#error(`repetitions multiply to more than ${MAX_NESTED_COUNT}`);
    return { text: times(atom.text, min, max), count };
  }

  #quantifier(): readonly [number, number | null] | null {
    if (this.#take('*')) return [0, null];
    if (this.#take('+')) return [1, null];
    if (this.#take('?')) return [0, 1];
    if (this.#peek() !== '{') return null;
    const rest = this.#chars.slice(this.#at, this.#at + 32).join('');
    const [all, min, comma, max] = /^\{(\d+)(,?)(\d*)\}/.exec(rest) ?? [];
    if (all === undefined) throw this.#error('{ begins no repetition');
    this.#at += all.length;
    return this.#bounds(Number(min), comma === '' ? Number(min) : max === '' ? null : Number(max));
  }

  #bounds(min: number, max: number | null): readonly [number, number | null] {
    if (Math.max(min, max ?? 0) > MAX_COUNT)
      throw this.#error(`a repetition counts to more than ${MAX_COUNT}`);
    if (max !== null && min > max) throw this.#error('a repetition has its larger bound first');
    return [min, max];
  }

  #atom(): Counted {
    const char = this.#next();
    if (char === '(') return this.#group();
    if (char === '[') return this.#one(this.#class());
    if (char === '.') return this.#one(complement(LINE_ENDS));
    if (char === '\\') return this.#one(this.#escape());
    if ('*+?{'.includes(char)) throw this.#error('nothing is there to repeat');
    if ('^$'.includes(char)) throw this.#error(`${char} is known at the start and the end alone`);
    if (']}'.includes(char)) throw this.#error(`${char} has no opening bracket`);
    return this.#one(charSet(char));
  }

  #one(set: CharSet): Counted {
    if (set.length === 0) throw this.#error('a class matches nothing');
    return { text: this.target.char(set), count: 1 };
  }

  #group(): Counted {
    if (this.#take('?')) this.#groupKind();
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#error(`groups are nested more than ${MAX_DEPTH} deep`);
    const { text, count } = this.#alternatives();
    if (!this.#take(')')) throw this.#error('a bracket is not closed');
    this.#depth -= 1;
    return { text: `(${text})`, count };
  }

  /** Names of groups mean nothing here. */
  #groupKind(): void {
    if (this.#take(':')) return;
    const rest = this.#chars.slice(this.#at, this.#at + 128).join('');
    const [all] = /^<[A-Za-z_$][\w$]*>/.exec(rest) ?? [];
    if (all === undefined) throw this.#error('look-around and flags of groups are not known');
    this.#at += all.length;
  }

  #class(): CharSet {
    const isNegated = this.#take('^');
    const sets: CharSet[] = [];
    while (!this.#take(']')) {
      const first = this.#classAtom();
      if (this.#peek() === '-' && this.#chars[this.#at + 1] !== ']') {
        this.#at += 1;
        sets.push(this.#range(first, this.#classAtom()));
      } else sets.push(first);
    }
    const set = union(...sets);
    return isNegated ? complement(set) : set;
  }

  #range(first: CharSet, last: CharSet): CharSet {
    const [[from, fromEnd] = [1, 0]] = first;
    const [[to, toEnd] = [1, 0]] = last;
    if (from !== fromEnd || to !== toEnd || first.length + last.length > 2) {
      throw this.#error('a range goes from one character to another');
    }
    if (from > to) throw this.#error('a range has its larger end first');
    return [[from, to]];
  }

  #classAtom(): CharSet {
    const char = this.#next();
    if (char !== '\\') return charSet(char);
    if (this.#take('b')) return charSet('\b');
    return this.#escape();
  }

  #escape(): CharSet {
    const char = this.#next();
    const known = CLASS_ESCAPES.get(char);
    if (known !== undefined) return known;
    const control = CONTROL_ESCAPES.get(char);
    if (control !== undefined) return charSet(control);
    if (char === 'x') return this.#hex(/^[0-9a-fA-F]{2}/);
    if (char === 'u') return this.#take('{') ? this.#braced() : this.#hex(/^[0-9a-fA-F]{4}/);
    if (/[A-Za-z0-9]/.test(char)) throw this.#error(`\\${char} is not known`);
    return charSet(char);
  }

  #hex(digits: RegExp): CharSet {
    const [all] = digits.exec(this.#chars.slice(this.#at, this.#at + 8).join('')) ?? [];
    if (all === undefined) throw this.#error('an escape has too few digits');
    this.#at += all.length;
    return this.#code(Number.parseInt(all, 16));
  }

  #braced(): CharSet {
    const set = this.#hex(/^[0-9a-fA-F]{1,6}(?=\})/);
    this.#at += 1;
    return set;
  }

  #code(code: number): CharSet {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw this.#error('an escape is no character');
    return [[code, code]];
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #next(): string {
    const char = this.#chars[this.#at];
    if (char === undefined) throw this.#error('it ends too early');
    this.#at += 1;
    return char;
  }

  #error(problem: string): GrammarError {
    return new GrammarError(`At character ${this.#at} of the regular expression ${problem}.`);
  }
}

const CLASS_ESCAPES: ReadonlyMap<string, CharSet> = new Map([
  ['d', DIGITS],
  ['D', complement(DIGITS)],
  ['w', WORD_CHARS],
  ['W', complement(WORD_CHARS)],
  ['s', SPACES],
  ['S', complement(SPACES)],
]);

const CONTROL_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['f', '\f'],
  ['v', '\v'],
  ['0', '\0'],
]);
