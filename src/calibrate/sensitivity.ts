import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { transposed } from '../model/matrix-layout.js';
import type { WeightFormat } from '../quant/weight.js';
import type { InputGatherer } from './gather.js';
import type { InputStats, MatrixInput } from './method.js';
import { nearestMethod } from './nearest.js';
import { outputError } from './output-error.js';
import { Probes, type Rounded, rowDelta } from './probes.js';

/** A matrix whose format is to be chosen. */
export interface Matrix {
  /** As its checkpoint names it. */
  readonly tensor: string;
  /** null outside the layers. */
  readonly layer: number | null;
  readonly rows: number;
  readonly cols: number;
  readonly isTransposed: boolean;
  /** Whether rows are looked up in it, also where it is the output matrix too. */
  readonly isTable: boolean;
  readonly formats: readonly WeightFormat[];
}

export interface SensitivityOptions<B> {
  readonly checkpoint: Pick<Checkpoint, 'readF32'>;
  readonly inputs: InputGatherer<B>;
  /** In the order in which a token meets them, those outside the layers last. */
  readonly matrices: readonly Matrix[];
  readonly numLayers: number;
  readonly hiddenSize: number;
  readonly onMatrix: () => void;
}

/** Of all probes' residual streams together. */
const PROBE_BYTES = 2 ** 29;
const MAX_PROBE_SAMPLES = 4;
/** Of a matrix, spread evenly: enough to tell formats and matrices apart. */
const MAX_ROWS = 128;

/** Chooses scales as those methods do that look at inputs, at the price of rounding alone. */
const COST_METHOD = nearestMethod({ scales: { kind: 'search', power: 2 }, weighted: true });
const PROBE_METHOD = nearestMethod({ scales: { kind: 'extremes' }, weighted: false });
/** Coarse enough that the divergence is far above the noise of f32, and fine enough that it grows with the error as it does in use. */
const PROBE_FORMAT: WeightFormat = {
  reader: 'int4',
  bits: 4,
  groupSize: null,
  scaleType: 'f32',
  zeroPoints: false,
};

/** Of a matrix: what rounding it to each of its formats is expected to do, as tr(Δ·H·Δᵀ) / 2, and the same of its probe. */
interface Errors {
  readonly ways: readonly number[];
  readonly probe: number;
}

/**
 * The KL divergence, in nats, that each matrix alone is expected to cause in each of its formats. What is added to the outputs' squared error,
 * tr(Δ·H·Δᵀ), follows from what is known of the inputs; what such an error does to the predictions is measured once for each matrix, and taken as
 * proportional: the first term of the divergence is quadratic in the weights.
 */
export async function measureSensitivity<B>(
  options: SensitivityOptions<B>,
): Promise<readonly (readonly number[])[]> {
  const { inputs, matrices, numLayers } = options;
  const probes = new Probes(inputs, probeSamples(options));
  const errors = new Map<Matrix, Errors>();
  for (const matrix of matrices.filter(({ isTable }) => isTable))
    await probes.addTable(await roundedForProbe(options, matrix));
  for (let layer = 0; layer < numLayers; layer++) {
    await probes.pass(layer);
    for (const matrix of matrices.filter((one) => one.layer === layer)) {
      errors.set(matrix, await errorsOf(options, matrix));
      await probes.add(layer, await roundedForProbe(options, matrix));
    }
  }
  const head = matrices.find(({ tensor }) => tensor === inputs.headTensor());
  if (head?.isTable === false) await probes.addHead(await roundedForProbe(options, head), numLayers);
  for (const matrix of matrices.filter(({ layer }) => layer === null))
    errors.set(matrix, await errorsOf(options, matrix));
  const divergences = await probes.divergences(numLayers, inputs.headTensor());
  return matrices.map((matrix) => {
    const { ways, probe } = errors.get(matrix) ?? { ways: [], probe: 0 };
    const factor = probe === 0 ? 0 : (divergences.get(matrix.tensor) ?? 0) / probe;
    return ways.map((error) => factor * error);
  });
}

function probeSamples<B>({ inputs, matrices, hiddenSize }: SensitivityOptions<B>): readonly number[] {
  const { samples } = inputs.options;
  const longest = Math.max(...samples.map(({ length }) => length));
  const fit = Math.floor(PROBE_BYTES / (4 * hiddenSize * longest * (matrices.length + 1)));
  const count = Math.min(Math.max(1, fit), MAX_PROBE_SAMPLES, samples.length);
  return Array.from({ length: count }, (_, i) => Math.floor((i * samples.length) / count));
}

/** `[rows][cols]` by outputs. */
async function valuesOf<B>({ checkpoint }: SensitivityOptions<B>, { tensor, rows, isTransposed }: Matrix) {
  const read = await checkpoint.readF32(tensor);
  return isTransposed ? transposed(read, rows) : read;
}

async function roundedForProbe<B>(options: SensitivityOptions<B>, matrix: Matrix): Promise<Rounded> {
  const { tensor, rows, cols } = matrix;
  const values = await valuesOf(options, matrix);
  return {
    tensor,
    ...PROBE_METHOD.quantize({ name: tensor, values, rows, cols, format: PROBE_FORMAT, stats: null }),
  };
}

async function errorsOf<B>(options: SensitivityOptions<B>, matrix: Matrix): Promise<Errors> {
  const { tensor, rows, cols, formats } = matrix;
  options.onMatrix();
  const stats = await options.inputs.statsOf(tensor);
  const all = await valuesOf(options, matrix);
  const count = Math.min(rows, MAX_ROWS);
  const values = new Float32Array(count * cols);
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * rows) / count);
    values.set(all.subarray(row * cols, (row + 1) * cols), i * cols);
  }
  const input = { name: tensor, values, rows: count, cols, stats };
  const ways = formats.map((format) => rows * COST_METHOD.quantize({ ...input, format }).error);
  return { ways, probe: rows * probeError(input, stats) };
}

/** Mean over the rows. */
function probeError(input: Omit<MatrixInput, 'format'>, stats: InputStats | null): number {
  const { values, rows, cols } = input;
  const { packed } = PROBE_METHOD.quantize({ ...input, format: PROBE_FORMAT });
  const delta = new Float64Array(cols);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    rowDelta(values.subarray(row * cols, (row + 1) * cols), packed, row, delta);
    sum += outputError(delta, stats);
  }
  return sum / rows;
}
