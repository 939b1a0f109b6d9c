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

function lastOf(texts: readonly string[]): string {
  return texts[texts.length - 1] ?? '';
}
