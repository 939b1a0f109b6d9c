import { UserError } from '../../errors.js';
import type { MatrixMethod } from '../method.js';
import { nearestMethod } from '../nearest.js';

/** A value of `--method`. */
export interface MethodChoice {
  readonly name: string;
  readonly method: MatrixMethod;
  /** Whether it may give columns an order of their own, which the files must tell. */
  readonly actOrder: boolean;
}

const CHOICES: readonly MethodChoice[] = [
  plain('rtn', nearestMethod({ scales: { kind: 'extremes' }, weighted: false })),
  plain('rtn-search', nearestMethod({ scales: { kind: 'search', power: 2 }, weighted: false })),
];

function plain(name: string, method: MatrixMethod): MethodChoice {
  return { name, method, actOrder: false };
}

/** Throws UserError with the known names. */
export function parseMethod(name: string): MethodChoice {
  const choice = CHOICES.find((known) => known.name === name);
  if (choice !== undefined) return choice;
  throw new UserError(
    `--method: ${JSON.stringify(name)} is none of ${CHOICES.map((known) => known.name).join(', ')}`,
  );
}
