import type { FileFormat, MatrixSpec } from '../../checkpoint/write/format.js';
import { UserError } from '../../errors.js';
import { formatName } from '../../quant/formats.js';
import type { WeightFormat } from '../../quant/weight.js';
import { choosePrecisions, type Way } from '../precision.js';
import type { FormatChoice, JobPlan, MatrixTask } from './plan.js';
import { integerFormat } from './schemes.js';
import { dtypeBytes } from './sizes.js';

/** How large a model may become: `bits` of a quantized weight on average, or `bytes` of all weights as they lie in files. */
export interface SizeTarget {
  readonly unit: 'bits' | 'bytes';
  readonly amount: number;
}

/** Formats that a matrix may get. More groups than these cost time and win next to nothing. */
const CANDIDATES: readonly WeightFormat[] = [
  integerFormat(2, 64, false),
  integerFormat(2, 32, false),
  integerFormat(3, 128, false),
  integerFormat(3, 64, false),
  integerFormat(3, 32, false),
  integerFormat(4, null, false),
  integerFormat(4, 128, false),
  integerFormat(4, 64, false),
  integerFormat(4, 32, false),
  integerFormat(5, 64, false),
  integerFormat(5, 32, false),
  integerFormat(6, 64, false),
  integerFormat(8, null, false),
];

/** A matrix and the ways to hold it, from small to large. */
export interface Choices extends Pick<MatrixTask, 'layer' | 'isTransposed' | 'spec'> {
  readonly tensor: string;
  readonly ways: readonly { readonly format: WeightFormat; readonly bytes: number }[];
}

export function choicesOf({ tasks }: JobPlan, file: FileFormat): readonly Choices[] {
  return tasks.flatMap((task) => {
    if (task.kind === 'copy') return [];
    const { spec, info, layer, isTransposed } = task;
    return [{ spec, layer, isTransposed, tensor: info.name, ways: waysOf(spec, file) }];
  });
}

function waysOf(spec: MatrixSpec, file: FileFormat): Choices['ways'] {
  const ways = CANDIDATES.flatMap((candidate) => {
    const format = { ...candidate, scaleType: file.scaleType ?? candidate.scaleType };
    const { groupSize } = format;
    const held = { ...spec, format };
    const fits = (groupSize === null || spec.cols % groupSize === 0) && file.problem(held) === null;
    return fits ? [{ format, bytes: dtypeBytes(file.tensors(held)) }] : [];
  });
  if (ways.length === 0) throw new UserError(`${spec.module}: ${file.problem(spec) ?? 'no format fits'}`);
  return ways.sort((a, b) => a.bytes - b.bytes);
}

/** What matrices may take together. */
export interface Budget {
  readonly target: SizeTarget;
  readonly bytes: number;
  /** With each matrix in the smallest of its formats, and in the largest. */
  readonly least: number;
  readonly most: number;
  /** Weights of these matrices. */
  readonly numWeights: number;
  /** Bytes of all else in the files, within a few. */
  readonly others: number;
}

/**
 * Throws UserError for a target below the smallest choice.
 * @param plan with any formats: its other tensors stay as they are
 */
export function budgetOf(target: SizeTarget, choices: readonly Choices[], plan: JobPlan): Budget {
  const least = choices.reduce((sum, { ways }) => sum + ways[0].bytes, 0);
  const most = choices.reduce((sum, { ways }) => sum + (ways.at(-1)?.bytes ?? 0), 0);
  const numWeights = choices.reduce((sum, { spec }) => sum + spec.rows * spec.cols, 0);
  const matrices = plan.tasks.filter(({ kind }) => kind === 'matrix');
  const others = plan.shards.totalBytes - matrices.reduce((sum, { outputs }) => sum + dtypeBytes(outputs), 0);
  const isBits = target.unit === 'bits';
  const bytes = isBits ? Math.floor((target.amount * numWeights) / 8) : target.amount - others;
  if (bytes >= least) return { target, bytes, least, most, numWeights, others };
  throw new UserError(
    isBits
      ? `--target-bits: ${target.amount}: the smallest formats take ${((8 * least) / numWeights).toFixed(3)} bits a weight`
      : `--target-size: ${target.amount} bytes: with the smallest formats the weights take ${least + others} bytes, ${others} of them in what is not quantized`,
  );
}

/** The least expected divergence within the budget. @param costs of each matrix in each of its ways */
export function chooseFormats(
  choices: readonly Choices[],
  costs: readonly (readonly number[])[],
  budget: number,
): readonly FormatChoice[] {
  const matrices = choices.map(({ ways }, i) => ways.map((way, j) => ({ ...way, cost: costs[i][j] })));
  return choosePrecisions(matrices, budget).map(({ format, bytes, cost }, i) => {
    const why = neighbours(matrices[i], { bytes, cost });
    return { tensor: choices[i].tensor, format, cost, why };
  });
}

interface FormatWay extends Way {
  readonly format: WeightFormat;
}

/** The next smaller way and the next larger one that are worth a thought, with what they would change. */
function neighbours(ways: readonly FormatWay[], chosen: Way): string {
  const smaller = ways.filter(({ bytes, cost }) => bytes < chosen.bytes && cost > chosen.cost);
  const larger = ways.filter(({ bytes, cost }) => bytes > chosen.bytes && cost < chosen.cost);
  const least = smaller.reduce<FormatWay | null>((a, b) => (a === null || b.cost < a.cost ? b : a), null);
  const texts = [least, larger[0] ?? null].flatMap((way) =>
    way === null ? [] : [`${way.cost.toExponential(2)} in ${formatName(way.format)} of ${way.bytes} bytes`],
  );
  const instead = texts.length === 0 ? '' : `; instead ${texts.join(', or ')}`;
  return `expected divergence ${chosen.cost.toExponential(2)} in ${chosen.bytes} bytes${instead}`;
}
