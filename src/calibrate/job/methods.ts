import { UserError } from '../../errors.js';
import type { WeightFormat } from '../../quant/weight.js';
import { type BlockSearch, blockMethod } from '../block-method.js';
import { awqScales, type FoldScales, smoothQuantScales } from '../fold-scales.js';
import type { Producer } from '../folds.js';
import { gptqMethod } from '../gptq.js';
import type { MatrixMethod } from '../method.js';
import { nearestMethod } from '../nearest.js';
import { tensorScaleMethod } from '../tensor-scale.js';

/** A value of `--method`. */
export interface MethodChoice {
  readonly name: string;
  readonly method: MatrixMethod;
  /** What is folded into the model before it is quantized; null where nothing is. */
  readonly folds: FoldChoice | null;
  /** Whether it may give columns an order of their own, which the files must tell. */
  readonly actOrder: boolean;
  /** How it chooses codes of GGUF's types. */
  readonly blocks: BlockChoice;
}

export interface BlockChoice {
  /** Of one scale for 32 columns: as the method itself does, or to nearest as GGUF's reference. */
  readonly simple: 'own' | 'reference';
  /** Of scales of two levels (K types); null where the method has no way. */
  readonly search: BlockSearch | null;
}

/** Scales of folds, which need a calibration text. */
export interface FoldChoice {
  readonly scales: (format: WeightFormat) => FoldScales;
  readonly withHessian: boolean;
  /** What is folded into; all where absent. */
  readonly kinds?: readonly Producer['kind'][];
}

/** Of Llama, by the method's authors. */
const SMOOTHQUANT_ALPHA = 0.85;
const SMOOTHQUANT: FoldChoice = {
  scales: () => smoothQuantScales(SMOOTHQUANT_ALPHA),
  withHessian: false,
  kinds: ['norm'],
};

const EXTREMES = { kind: 'extremes' } as const;
const SEARCH = { kind: 'search', power: 2 } as const;

const RTN = nearestMethod({ scales: EXTREMES, weighted: false });
const IMATRIX = nearestMethod({ scales: { ...SEARCH, keepsGain: true }, weighted: true });
const GPTQ = gptqMethod({ scales: SEARCH, weighted: true, order: 'groups' });

/** AWQ's clipping. */
const CLIP = nearestMethod({ scales: { kind: 'clip' }, weighted: true });
const AWQ: FoldChoice = { scales: (format) => awqScales(format, CLIP), withHessian: true };

const UNFOLDED_NOTE = 'rounded to nearest alone: nothing is folded before it';

const NEAREST_BLOCKS: BlockChoice = { simple: 'reference', search: 'plain' };
const WEIGHED_BLOCKS: BlockChoice = { simple: 'own', search: 'weighted' };
const OWN_BLOCKS: BlockChoice = { simple: 'own', search: null };

const CHOICES: readonly MethodChoice[] = [
  { ...plain('rtn', RTN), blocks: NEAREST_BLOCKS },
  {
    ...plain('rtn-search', nearestMethod({ scales: SEARCH, weighted: false })),
    blocks: { simple: 'own', search: 'plain' },
  },
  plain('hqq', nearestMethod({ scales: { kind: 'half-quadratic' }, weighted: false })),
  { ...plain('imatrix', IMATRIX), blocks: WEIGHED_BLOCKS },
  plain('gptq', GPTQ),
  plain('gptq-plain', gptqMethod({ scales: EXTREMES, weighted: false, order: 'given' })),
  {
    ...plain('gptq-act-order', gptqMethod({ scales: SEARCH, weighted: true, order: 'activation' })),
    actOrder: true,
  },
  { ...plain('awq', CLIP), folds: AWQ, blocks: WEIGHED_BLOCKS },
  { ...plain('awq-gptq', GPTQ), folds: AWQ },
  {
    ...plain('smoothquant', { ...RTN, withoutInputs: () => UNFOLDED_NOTE }),
    folds: SMOOTHQUANT,
    blocks: NEAREST_BLOCKS,
  },
  { ...plain('smoothquant-gptq', GPTQ), folds: SMOOTHQUANT },
];

function plain(name: string, method: MatrixMethod): MethodChoice {
  return { name, method, folds: null, actOrder: false, blocks: OWN_BLOCKS };
}

/** The same with one scale for a matrix. Throws UserError where the method chooses scales otherwise. */
export function withTensorScale(choice: MethodChoice): MethodChoice {
  const { name, method } = choice;
  if (name !== 'rtn' && name !== 'rtn-search')
    throw new UserError(`--method: ${name}: one scale for a matrix is chosen by rtn or rtn-search`);
  return { ...choice, method: tensorScaleMethod(method) };
}

/** Whether a calibration text is needed. */
export function needsText({ method, folds }: MethodChoice): boolean {
  return folds !== null || method.needs !== 'nothing';
}

/** The method for the types of a GGUF file. */
export function ggufMethod({ method, blocks: { simple, search } }: MethodChoice): MatrixMethod {
  const options = { search: search ?? 'plain' } as const;
  if (simple === 'own') return blockMethod({ ...options, simple: method });
  return { ...blockMethod({ ...options, simple: null }), withoutInputs: method.withoutInputs };
}

/** Throws UserError with the known names. */
export function parseMethod(name: string): MethodChoice {
  const choice = CHOICES.find((known) => known.name === name);
  if (choice !== undefined) return choice;
  throw new UserError(
    `--method: ${JSON.stringify(name)} is none of ${CHOICES.map((known) => known.name).join(', ')}`,
  );
}
