import type { Budget, SizeTarget } from '../calibrate/job/budget.js';
import type { Mixing } from '../calibrate/job/mixed.js';
import type { Preflight } from '../calibrate/job/preflight.js';
import { UserError } from '../errors.js';
import { formatBytes } from './format.js';

interface TargetValues {
  readonly scheme: string | null;
  readonly 'target-bits': number | null;
  readonly 'target-size': number | null;
}

/** Null where all matrices get one scheme. Throws UserError where more than one of the three is given. */
export function parseSize({
  scheme,
  'target-bits': bits,
  'target-size': size,
}: TargetValues): SizeTarget | null {
  const given = [scheme, bits, size].filter((value) => value !== null);
  if (given.length > 1 && scheme !== null)
    throw new UserError('--scheme: a target chooses the format of each matrix; give one of them');
  if (given.length > 1) throw new UserError('--target-size: --target-bits is given too; give one of them');
  if (bits !== null) return { unit: 'bits', amount: bits };
  return size === null ? null : { unit: 'bytes', amount: size };
}

/** For reports. */
export function sizeText({ unit, amount }: SizeTarget): string {
  return unit === 'bits' ? `${amount} bits a weight` : `${amount} bytes`;
}

/** What a mixed plan may take and could take. */
export function budgetLine({ target, bytes, least, most, numWeights }: Budget): string {
  const bitsOf = (taken: number) => ((8 * taken) / numWeights).toFixed(3);
  const sizes = [bytes, least, most].map((taken) => `${formatBytes(taken)} (${bitsOf(taken)} bits a weight)`);
  const whole = target.unit === 'bytes' ? ` of ${formatBytes(target.amount)} for all weights` : '';
  return `${sizes[0]}${whole} for the matrices; their formats take ${sizes[1]} to ${sizes[2]}`;
}

export interface SizedFlight extends Preflight {
  readonly budget?: Budget;
}

/** Which formats there will be is not known before the matrices are measured. */
export function withBudget(flight: Preflight, mixing: Mixing | null): SizedFlight {
  if (mixing === null) return flight;
  const { budget, choices } = mixing;
  const formats = new Map([['formats of their own', choices.length]]);
  return { ...flight, outputBytes: budget.others + budget.bytes, formats, budget };
}
