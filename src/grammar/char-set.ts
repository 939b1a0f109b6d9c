import { anyOf, quoteChar } from './ebnf.js';
import { type ByteRanges, utf8Ranges } from './utf8-ranges.js';

/** Code points: ranges from first to last, in order, with gaps between them. */
export type CharSet = readonly (readonly [number, number])[];

const LAST = 0x10ffff;

/** All characters but surrogates, which UTF-8 does not have. */
export const ANY_CHAR: CharSet = [
  [0, 0xd7ff],
  [0xe000, LAST],
];

export const DIGITS: CharSet = [[0x30, 0x39]];
export const WORD_CHARS: CharSet = union([[0x30, 0x39]], [[0x41, 0x5a]], [[0x5f, 0x5f]], [[0x61, 0x7a]]);
/** As `\s` of ECMAScript. */
export const SPACES: CharSet = union(
  [[0x09, 0x0d]],
  [[0x20, 0x20]],
  [[0xa0, 0xa0]],
  [[0x1680, 0x1680]],
  [[0x2000, 0x200a]],
  [[0x2028, 0x2029]],
  [[0x202f, 0x202f]],
  [[0x205f, 0x205f]],
  [[0x3000, 0x3000]],
  [[0xfeff, 0xfeff]],
);
/** What `.` does not match. */
export const LINE_ENDS: CharSet = union([[0x0a, 0x0a]], [[0x0d, 0x0d]], [[0x2028, 0x2029]]);

export function charSet(...chars: string[]): CharSet {
  return union(...chars.map((char): CharSet => [[codeOf(char), codeOf(char)]]));
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

export function union(...sets: readonly CharSet[]): CharSet {
  const ranges = sets.flat().toSorted(([a], [b]) => a - b);
  const out: [number, number][] = [];
  for (const [first, last] of ranges) {
    const previous = out.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else out.push([first, last]);
  }
  return out;
}

export function complement(set: CharSet): CharSet {
  return intersection(ANY_CHAR, gaps(set));
}

export function without(set: CharSet, taken: CharSet): CharSet {
  return intersection(set, gaps(taken));
}

export function intersection(a: CharSet, b: CharSet): CharSet {
  const out: [number, number][] = [];
  for (const [first, last] of a) {
    for (const [from, to] of b) {
      if (Math.max(first, from) <= Math.min(last, to)) out.push([Math.max(first, from), Math.min(last, to)]);
    }
  }
  return union(out);
}

function gaps(set: CharSet): CharSet {
  const out: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) out.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST) out.push([next, LAST]);
  return out;
}

const ASCII: CharSet = [[0, 0x7f]];
const BEYOND_ASCII: CharSet = without(ANY_CHAR, ASCII);

/**
 * One character of the set as EBNF; the set is not empty. The library takes the ends of a class's ranges as bytes (web-xgrammar 0.1.27), so
 * characters beyond ASCII are written as the bytes that they are, or as a class that leaves out some of ASCII.
 */
export function rawClass(set: CharSet): string {
  const wide = intersection(set, BEYOND_ASCII);
  const plain = intersection(set, ASCII);
  const others = without(ASCII, plain);
  const isAllBeyond = wide.length === BEYOND_ASCII.length && without(BEYOND_ASCII, wide).length === 0;
  if (isAllBeyond && others.length > 0) return `[^${classOf(others)}]`;
  return anyOf([
    ...(plain.length === 0 ? [] : [`[${classOf(plain)}]`]),
    ...(isAllBeyond
      ? [`[^${classOf(ASCII)}]`]
      : wide.flatMap(([first, last]) => utf8Ranges(first, last)).map(byteClasses)),
  ]);
}

function classOf(set: CharSet): string {
  return set
    .map(([first, last]) => (first === last ? quoteChar(first) : `${quoteChar(first)}-${quoteChar(last)}`))
    .join('');
}

/** A class of one element would be read as a character, of two it is one of bytes. */
function byteClasses(ranges: ByteRanges): string {
  const quote = (byte: number) => `\\u00${byte.toString(16)}`;
  return ranges
    .map(([first, last]) => `[${quote(first)}${first === last ? '' : '-'}${quote(last)}]`)
    .join(' ');
}

const CONTROLS: CharSet = [[0, 0x1f]];
const SHORT_ESCAPES = new Map(
  Object.entries({ '"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't' }),
);
/** Characters that stand for themselves in a string of JSON. */
export const JSON_PLAIN: CharSet = without(ANY_CHAR, union(CONTROLS, charSet('"', '\\')));

/** One character of the set as it stands in a string of JSON; the set is not empty. */
export function jsonClass(set: CharSet): string {
  const plain = intersection(set, JSON_PLAIN);
  const alternatives = plain.length === 0 ? [] : [rawClass(plain)];
  for (const [first, last] of intersection(set, union(CONTROLS, charSet('"', '\\')))) {
    for (let code = first; code <= last; code++) alternatives.push(`"${escapeOf(code)}"`);
  }
  return alternatives.length === 1 ? alternatives[0] : `(${alternatives.join(' | ')})`;
}

/** An escape of JSON, written for a literal of EBNF. */
function escapeOf(code: number): string {
  const short = SHORT_ESCAPES.get(String.fromCharCode(code));
  const text = `\\${short ?? `u${code.toString(16).padStart(4, '0')}`}`;
  return [...text].map((char) => quoteChar(codeOf(char))).join('');
}
