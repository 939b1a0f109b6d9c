import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UserError } from './errors.js';

/** One option of the command line: how it is written, what it means, and how its text becomes a value. Its default lives here alone. */
export interface Option<T> {
  /** Shown in the help; null for a switch, which takes no value. */
  readonly placeholder: string | null;
  readonly help: string;
  readonly repeated: boolean;
  readonly default: T;
  /** @param texts the values given, at least one; @throws UserError naming `flag` */
  readonly parse: (texts: readonly string[], flag: string) => T;
}

export function text(preset: string, placeholder: string, help: string): Option<string> {
  return { placeholder, help, repeated: false, default: preset, parse: (texts) => lastOf(texts) };
}

export function list(placeholder: string, help: string): Option<readonly string[]> {
  return { placeholder, help, repeated: true, default: [], parse: (texts) => texts };
}

export function names(
  preset: readonly string[],
  placeholder: string,
  help: string,
): Option<readonly string[]> {
  const parse = (texts: readonly string[]) =>
    lastOf(texts)
      .split(',')
      .map((part) => part.trim());
  return { placeholder, help, repeated: false, default: preset, parse };
}

export function flag(help: string): Option<boolean> {
  return { placeholder: null, help, repeated: false, default: false, parse: () => true };
}

export function optional<T>(option: Option<T>): Option<T | null> {
  return { ...option, default: null };
}

export function orAuto<T>(option: Option<T>): Option<T | 'auto'> {
  const parse = (texts: readonly string[], name: string) =>
    lastOf(texts) === 'auto' ? 'auto' : option.parse(texts, name);
  return { ...option, placeholder: `${option.placeholder}|auto`, parse };
}

export function choice<const T extends string>(
  preset: NoInfer<T>,
  choices: readonly T[],
  help: string,
): Option<T> {
  const parse = (texts: readonly string[], name: string): T => {
    const found = choices.find((known) => known === lastOf(texts));
    if (found !== undefined) return found;
    throw new UserError(`${name}: ${JSON.stringify(lastOf(texts))} is none of ${choices.join(', ')}`);
  };
  return { placeholder: choices.join('|'), help, repeated: false, default: preset, parse };
}

type Range = readonly [number, number];

const DECIMAL = { pattern: /^-?(\d+\.?\d*|\.\d+)(e-?\d+)?$/i, noun: 'number' };
const WHOLE = { pattern: /^-?\d+$/, noun: 'whole number' };

export function number(preset: number, range: Range, help: string): Option<number> {
  const parse = (texts: readonly string[], name: string) => inRange(lastOf(texts), DECIMAL, range, name);
  return { placeholder: 'X', help, repeated: false, default: preset, parse };
}

export function integer(preset: number, range: Range, help: string): Option<number> {
  const parse = (texts: readonly string[], name: string) => inRange(lastOf(texts), WHOLE, range, name);
  return { placeholder: 'N', help, repeated: false, default: preset, parse };
}

function inRange(given: string, shape: typeof WHOLE, [least, most]: Range, name: string): number {
  const value = shape.pattern.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UserError(`${name}: ${JSON.stringify(given)} is not a ${shape.noun} from ${least} to ${most}`);
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

export function bytes(help: string): Option<number> {
  const parse = (texts: readonly string[], name: string): number => {
    const match = /^(\d+(?:\.\d+)?) ?([KMG]i?B)?$/i.exec(lastOf(texts));
    const unit = BYTE_UNITS[(match?.[2] ?? '').toUpperCase()];
    if (match !== null && unit !== undefined) return Math.floor(Number(match[1]) * unit);
    throw new UserError(`${name}: ${JSON.stringify(lastOf(texts))} is no size such as 512MiB or 4GB`);
  };
  return { placeholder: 'SIZE', help, repeated: false, default: 0, parse };
}

export function integers(preset: readonly number[], range: Range, help: string): Option<readonly number[]> {
  const parse = (texts: readonly string[], name: string): readonly number[] =>
    lastOf(texts)
      .split(',')
      .map((part) => inRange(part.trim(), WHOLE, range, name));
  return { placeholder: '1,2,3', help, repeated: false, default: preset, parse };
}

/** How many tokens prompts or answers have: `mean` is that of a fixed length too; `spread` half the width of a uniform range, or a standard deviation. */
export interface Lengths {
  readonly shape: 'fixed' | 'uniform' | 'normal' | 'lognormal' | 'exponential';
  readonly mean: number;
  readonly spread: number;
}

const MAX_LENGTH = 2 ** 24;
const LENGTHS_FORM = /^(?:(\d+)(?:-(\d+))?|(normal|lognormal):(\d+):(\d+)|(exponential):(\d+))$/;

/** @param least tokens of a fixed length or a range */
export function lengths(preset: number, least: number, help: string): Option<Lengths> {
  const parse = (texts: readonly string[], name: string): Lengths => {
    const found = readLengths(lastOf(texts));
    if (found !== null && found.mean - (found.shape === 'uniform' ? found.spread : 0) >= least) return found;
    throw new UserError(
      `${name}: ${JSON.stringify(lastOf(texts))} is no length from ${least} to ${MAX_LENGTH}, and none of 64-256, normal:MEAN:STD, lognormal:MEAN:STD, exponential:MEAN`,
    );
  };
  const fixed: Lengths = { shape: 'fixed', mean: preset, spread: 0 };
  return {
    placeholder: 'N|RANGE|SHAPE',
    help: `${help} (default ${preset})`,
    repeated: false,
    default: fixed,
    parse,
  };
}

function readLengths(text: string): Lengths | null {
  const [, least, most, shape, mean, spread, , exponential] = LENGTHS_FORM.exec(text) ?? [];
  const found: Lengths | null =
    shape === 'normal' || shape === 'lognormal'
      ? { shape, mean: Number(mean), spread: Number(spread) }
      : exponential !== undefined
        ? { shape: 'exponential', mean: Number(exponential), spread: 0 }
        : readRange(least, most);
  return found !== null && found.mean + found.spread <= MAX_LENGTH ? found : null;
}

function readRange(least: string | undefined, most: string | undefined): Lengths | null {
  if (least === undefined) return null;
  if (most === undefined) return { shape: 'fixed', mean: Number(least), spread: 0 };
  const [from, to] = [Number(least), Number(most)];
  return from <= to ? { shape: 'uniform', mean: (from + to) / 2, spread: (to - from) / 2 } : null;
}

/** The length where it is one number. Throws UserError that names `flag` where it varies. */
export function fixedLength({ shape, mean }: Lengths, flag: string): number {
  if (shape === 'fixed') return mean;
  throw new UserError(`${flag}: takes one number here; only bench serve and bench sweep vary it`);
}

export function orInf(option: Option<number>): Option<number> {
  const parse = (texts: readonly string[], name: string) =>
    lastOf(texts) === 'inf' ? Number.POSITIVE_INFINITY : option.parse(texts, name);
  return { ...option, placeholder: `${option.placeholder}|inf`, parse };
}

export function numbers(preset: readonly number[], range: Range, help: string): Option<readonly number[]> {
  const parse = (texts: readonly string[], name: string): readonly number[] =>
    lastOf(texts)
      .split(',')
      .map((part) => inRange(part.trim(), DECIMAL, range, name));
  return { placeholder: '1,2,3', help, repeated: false, default: preset, parse };
}

function lastOf(texts: readonly string[]): string {
  return texts[texts.length - 1] ?? '';
}

/** The words of a command line by option, unread. Throws UserError that names the option. */
export function parseStrict<Name extends string>(
  args: readonly string[],
  table: Readonly<Record<Name, Option<unknown>>>,
  names: readonly Name[],
) {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const name of names) {
    const { placeholder, repeated } = table[name];
    options[name] = { type: placeholder === null ? 'boolean' : 'string', multiple: repeated };
  }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw error instanceof TypeError ? new UserError(lineProblem(error.message)) : error;
  }
}

/** The parser's own message runs over several lines: only the option and what is wrong with it are kept. */
function lineProblem(message: string): string {
  const flag = /'(-[^' ]*)/.exec(message)?.[1] ?? 'command line';
  if (message.startsWith('Unknown option')) return `${flag}: no such option; see --help`;
  if (message.includes('does not take')) return `${flag}: takes no value`;
  if (message.includes('ambiguous')) {
    return `${flag}: needs a value; one that begins with a dash is written ${flag}=-VALUE`;
  }
  if (message.includes('missing')) return `${flag}: needs a value`;
  return `${flag}: ${message}`;
}
