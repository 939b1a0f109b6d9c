import { UserError } from '../../errors.js';

/** Times that an answer may be held to, ms. */
export const GOODPUT_METRICS = ['ttft', 'tpot', 'itl', 'e2el'] as const;
export type GoodputMetric = (typeof GOODPUT_METRICS)[number];
export type Goodput = Readonly<Partial<Record<GoodputMetric, number>>>;

/** Limits written as `ttft:500`; several in one text with commas or spaces. Throws UserError. */
export function parseGoodput(texts: readonly string[], flag: string): Goodput | null {
  const parts = texts.flatMap((text) => text.split(/[,\s]+/)).filter((part) => part !== '');
  if (parts.length === 0) return null;
  return Object.fromEntries(parts.map((part) => limit(part, flag)));
}

/** Whether a word of the command line can only be one of them: vLLM takes several after one flag. */
export function isGoodputLimit(word: string): boolean {
  return GOODPUT_METRICS.some((metric) => word.startsWith(`${metric}:`));
}

function limit(part: string, flag: string): [GoodputMetric, number] {
  const [name, value, ...more] = part.split(':');
  const metric = GOODPUT_METRICS.find((known) => known === name);
  const ms = /^\d+(\.\d+)?$/.test(value ?? '') ? Number(value) : Number.NaN;
  if (metric !== undefined && ms > 0 && more.length === 0) return [metric, ms];
  throw new UserError(
    `${flag}: ${JSON.stringify(part)} is no limit such as ttft:500, in ms, of ${GOODPUT_METRICS.join(', ')}`,
  );
}
