import { UserError } from '../../errors.js';
import { gptqMethod } from '../gptq.js';
import type { MatrixMethod } from '../method.js';
import { nearestMethod } from '../nearest.js';

/** A value of `--method`. */
export interface MethodChoice {
  readonly name: string;
  readonly method: MatrixMethod;
  /** Whether it may give columns an order of their own, which the files must tell. */
  readonly actOrder: boolean;
}

const EXTREMES = { kind: 'extremes' } as const;
const SEARCH = { kind: 'search', power: 2 } as const;

const CHOICES: readonly MethodChoice[] = [
  inOrder('rtn', nearestMethod({ scales: EXTREMES, weighted: false })),
  inOrder('rtn-search', nearestMethod({ scales: SEARCH, weighted: false })),
  inOrder('imatrix', nearestMethod({ scales: SEARCH, weighted: true })),
  inOrder('gptq', gptqMethod({ scales: SEARCH, weighted: true, order: 'groups' })),
  inOrder('gptq-plain', gptqMethod({ scales: EXTREMES, weighted: false, order: 'given' })),
  {
    name: 'gptq-act-order',
    method: gptqMethod({ scales: SEARCH, weighted: true, order: 'activation' }),
    actOrder: true,
  },
];

function inOrder(name: string, method: MatrixMethod): MethodChoice {
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
