import { anyOf } from './ebnf.js';
import { GrammarError } from './grammar-error.js';

/** A bound of a number; null is none. */
export interface Bound {
  readonly value: number;
  readonly isExclusive: boolean;
}

/** Digits of a bounded number at most: a double holds them all, so that what is written is what is read. */
const MAX_DIGITS = 15;
const INTEGER = `("0" | "-"? [1-9] [0-9]{0,${MAX_DIGITS - 1}})`;
/** Exponents of more digits overflow a double. */
const NUMBER = `("-"? ("0" | [1-9] [0-9]{0,${MAX_DIGITS - 1}}) ("." [0-9]{1,${MAX_DIGITS}})? ([eE] [+-]? [0-9]{1,2})?)`;

/** Whole numbers from `min` to `max` as EBNF. @throws GrammarError where there are none, or a bound is too large */
export function integerRange(min: Bound | null, max: Bound | null): string {
  if (min === null && max === null) return INTEGER;
  const low = min === null ? null : Math.floor(min.value) + (min.isExclusive || !isWhole(min.value) ? 1 : 0);
  const high = max === null ? null : Math.ceil(max.value) - (max.isExclusive || !isWhole(max.value) ? 1 : 0);
  for (const bound of [low, high]) {
    if (bound !== null && Math.abs(bound) >= 10 ** MAX_DIGITS) throw new GrammarError(TOO_LARGE);
  }
  if (low !== null && high !== null && low > high) throw new GrammarError('No number is within the bounds.');
  return anyOf([...negative(low, high), ...natural(Math.max(0, low ?? 0), high)]);
}

const TOO_LARGE = `Bounds of numbers must have at most ${MAX_DIGITS} digits.`;

function isWhole(value: number): boolean {
  return Number.isInteger(value);
}

/** The alternatives below zero. */
function negative(low: number | null, high: number | null): string[] {
  if (low !== null && low >= 0) return [];
  const from = high === null || high >= 0 ? 1 : -high;
  return natural(from, low === null ? null : -low).map((part) => `"-" ${part}`);
}

/** Whole numbers from `low`, at least 0, to `high`; none where `high` is below. */
function natural(low: number, high: number | null): string[] {
  if (high !== null && high < low) return [];
  const first = String(low);
  const last = high === null ? '9'.repeat(first.length) : String(high);
  const out: string[] = [];
  for (let length = first.length; length <= last.length; length++) {
    const from = length === first.length ? first : `1${'0'.repeat(length - 1)}`;
    const to = length === last.length ? last : '9'.repeat(length);
    out.push(sameLength(from, to));
  }
  if (high === null && first.length < MAX_DIGITS) out.push(`[1-9] [0-9]{${first.length},${MAX_DIGITS - 1}}`);
  return out;
}

/** Numbers of as many digits as both bounds have. */
function sameLength(from: string, to: string): string {
  if (from === to) return `"${from}"`;
  if (/^0*$/.test(from) && /^9*$/.test(to)) return from.length === 1 ? '[0-9]' : `[0-9]{${from.length}}`;
  if (from.length === 1) return `[${from}-${to}]`;
  if (from[0] === to[0]) return `"${from[0]}" ${sameLength(from.slice(1), to.slice(1))}`;
  const rest = from.length - 1;
  const lowest = '0'.repeat(rest);
  const highest = '9'.repeat(rest);
  const out = [`"${from[0]}" ${sameLength(from.slice(1), highest)}`];
  const [next, previous] = [Number(from[0]) + 1, Number(to[0]) - 1];
  if (next <= previous) out.push(`[${next}-${previous}] ${sameLength(lowest, highest)}`);
  out.push(`"${to[0]}" ${sameLength(lowest, to.slice(1))}`);
  return anyOf(out);
}

/** Numbers from `min` to `max` as EBNF; bounded ones are written without an exponent. @throws GrammarError as above */
export function decimalRange(min: Bound | null, max: Bound | null): string {
  if (min === null && max === null) return NUMBER;
  const [low, high] = [min, max].map(toDecimal);
  if (min !== null && max !== null && isEmpty(min, max)) {
    throw new GrammarError('No number is within the bounds.');
  }
  const out = [...below(low, high), ...above(low, high)];
  if (out.length === 0) throw new GrammarError('No number is within the bounds.');
  return anyOf(out);
}

function isEmpty(min: Bound, max: Bound): boolean {
  return min.value > max.value || (min.value === max.value && (min.isExclusive || max.isExclusive));
}

/** A bound by its digits. */
interface Decimal {
  readonly isNegative: boolean;
  readonly whole: number;
  /** Digits of the fraction, the last no 0. */
  readonly fraction: string;
  readonly isExclusive: boolean;
}

function toDecimal(bound: Bound | null): Decimal | null {
  if (bound === null) return null;
  const size = Math.abs(bound.value);
  const text = String(size);
  if (size >= 1e9 || /e/.test(text) || text.replace('.', '').length > MAX_DIGITS) {
    throw new GrammarError(
      'Bounds of numbers that need not be whole must be below 10^9, of at most 15 digits, without exponent.',
    );
  }
  const [whole, fraction = ''] = text.split('.');
  return { isNegative: bound.value < 0, whole: Number(whole), fraction, isExclusive: bound.isExclusive };
}

const ZERO: Decimal = { isNegative: false, whole: 0, fraction: '', isExclusive: false };

/** Numbers of 0 and above. */
function above(low: Decimal | null, high: Decimal | null): string[] {
  if (high?.isNegative) return [];
  return magnitudes(low === null || low.isNegative ? ZERO : low, high);
}

/** Numbers below 0. */
function below(low: Decimal | null, high: Decimal | null): string[] {
  if (low !== null && (!low.isNegative || isZero(low))) return [];
  const from = high?.isNegative ? high : { ...ZERO, isExclusive: true };
  return magnitudes(from, low).map((part) => `"-" ${part}`);
}

function isZero({ whole, fraction }: Decimal): boolean {
  return whole === 0 && fraction === '';
}

/** Digits of whole numbers where no bound says. */
const OPEN_WHOLE = 999_999_999;
/** Digits of fractions: with those before the point they are MAX_DIGITS at most. */
const FRACTION_DIGITS = 6;

function magnitudes(low: Decimal, high: Decimal | null): string[] {
  const top = high ?? { ...ZERO, whole: OPEN_WHOLE, fraction: '9' };
  if (top.whole < low.whole) return [];
  if (top.whole === low.whole) {
    return withFraction(String(low.whole), fractionBetween(low, top));
  }
  const between = natural(low.whole + 1, top.whole - 1).map((part) => `${part} ("." ${digits(1)})?`);
  const first = withFraction(String(low.whole), fractionFrom(low.fraction, low.isExclusive));
  const last = withFraction(String(top.whole), fractionTo(top.fraction, top.isExclusive));
  return [...first, ...between, ...last];
}

/** What follows a whole part: nothing, a point and digits. */
interface Fractions {
  readonly canBeEmpty: boolean;
  readonly alternatives: readonly string[];
}

function withFraction(whole: string, { canBeEmpty, alternatives }: Fractions): string[] {
  const some = alternatives.map((part) => `"${whole}" "." ${part}`);
  return canBeEmpty ? [`"${whole}"`, ...some] : some;
}

/** At least `min` digits, and few enough. */
function digits(min: number): string {
  return `[0-9]{${min},${FRACTION_DIGITS}}`;
}

/** Digits of fractions of at least `bound`. */
function fractionFrom(bound: string, isExclusive: boolean): Fractions {
  if (bound === '') {
    if (!isExclusive) return { canBeEmpty: true, alternatives: [digits(1)] };
    return { canBeEmpty: false, alternatives: [`"0"{0,${FRACTION_DIGITS}} [1-9] ${digits(0)}`] };
  }
  const digit = Number(bound[0]);
  const rest = fractionFrom(bound.slice(1), isExclusive);
  const alternatives = rest.alternatives.map((part) => `"${digit}" ${part}`);
  if (rest.canBeEmpty) alternatives.push(`"${digit}"`);
  if (digit < 9) alternatives.push(`[${digit + 1}-9] ${digits(0)}`);
  return { canBeEmpty: false, alternatives };
}

/** Digits of fractions of at most `bound`. */
function fractionTo(bound: string, isExclusive: boolean): Fractions {
  if (bound === '') {
    return isExclusive
      ? { canBeEmpty: false, alternatives: [] }
      : { canBeEmpty: true, alternatives: [`"0"{1,${FRACTION_DIGITS}}`] };
  }
  const digit = Number(bound[0]);
  const rest = fractionTo(bound.slice(1), isExclusive);
  const alternatives = rest.alternatives.map((part) => `"${digit}" ${part}`);
  if (rest.canBeEmpty) alternatives.push(`"${digit}"`);
  if (digit > 0) alternatives.push(`[0-${digit - 1}] ${digits(0)}`);
  return { canBeEmpty: true, alternatives };
}

function fractionBetween(low: Pick<Decimal, 'fraction' | 'isExclusive'>, high: typeof low): Fractions {
  if (low.fraction === '') return intersect(low, high);
  if (high.fraction === '') return { canBeEmpty: false, alternatives: [] };
  const [from, to] = [Number(low.fraction[0]), Number(high.fraction[0])];
  const [lowRest, highRest] = [low, high].map((one) => ({ ...one, fraction: one.fraction.slice(1) }));
  if (from === to) return after(from, fractionBetween(lowRest, highRest));
  const first = after(from, fractionFrom(lowRest.fraction, low.isExclusive)).alternatives;
  const last = after(to, fractionTo(highRest.fraction, high.isExclusive)).alternatives;
  const between = to - from > 1 ? [`[${from + 1}-${to - 1}] ${digits(0)}`] : [];
  return { canBeEmpty: false, alternatives: [...first, ...between, ...last] };
}

/** From a bound without a fraction to another. */
function intersect(
  { isExclusive }: { readonly isExclusive: boolean },
  high: Pick<Decimal, 'fraction' | 'isExclusive'>,
): Fractions {
  const upTo = fractionTo(high.fraction, high.isExclusive);
  if (!isExclusive) return upTo;
  if (high.fraction === '') return { canBeEmpty: false, alternatives: [] };
  const to = Number(high.fraction[0]);
  const rest = { ...high, fraction: high.fraction.slice(1) };
  const zero = to === 0 ? intersect({ isExclusive }, rest) : fractionFrom('', true);
  const last = to === 0 ? [] : after(to, fractionTo(rest.fraction, rest.isExclusive)).alternatives;
  const between = to > 1 ? [`[1-${to - 1}] ${digits(0)}`] : [];
  return { canBeEmpty: false, alternatives: [...after(0, zero).alternatives, ...between, ...last] };
}

function after(digit: number, { canBeEmpty, alternatives }: Fractions): Fractions {
  const out = alternatives.map((part) => `"${digit}" ${part}`);
  return { canBeEmpty: false, alternatives: canBeEmpty ? [`"${digit}"`, ...out] : out };
}
