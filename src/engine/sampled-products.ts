import type { WeightSample } from '../model/samples.js';
import { CpuOps } from '../ops/cpu.js';
import type { OpArgs, Ops, Rescale, Tensor } from '../ops/ops.js';
import { packFloat } from '../quant/pack.js';
import type { LinearProduct } from '../webgpu/autotune.js';

/** What the reference makes of one output of a product. */
export interface ExpectedOutput {
  readonly token: number;
  /** Column of the output, and the row of the weight that it is of; of two rows where it is gated, the gate's. */
  readonly output: number;
  readonly value: number;
  /** Size of the numbers that make it up: rounding errors are a share of it. */
  readonly magnitude: number;
}

/** Activations of a product, `[numTokens][cols]`. */
export interface ProductInputs {
  readonly numTokens: number;
  readonly x: Float32Array;
  /** Where in the bias the weight's first row is; absent, 0. */
  readonly firstRow?: number;
}

type CpuProduct = OpArgs<Float64Array, 'linear'>;

/** The outputs of a product whose rows were sampled, for each token, computed in f64. Small tensors beside the weight are read from the device. */
export async function expectedOutputs<B>(
  ops: Ops<B>,
  product: LinearProduct<B>,
  sample: WeightSample,
  inputs: ProductInputs,
): Promise<readonly ExpectedOutput[]> {
  const { outputs, rows } = sampledRows(product, sample);
  const args = await referenceArgs(ops, product, sample, rows, inputs);
  new CpuOps().linear(args);
  return Array.from({ length: inputs.numTokens }, (_, token) =>
    outputs.map((output, i) => ({
      token,
      output,
      value: args.out.data[token * args.out.stride + i],
      magnitude: magnitude(args, sample, rows, outputs.length, { token, i }),
    })),
  ).flat();
}

/** Sampled outputs, and the rows that they come from: of gates, then of what these gate. */
function sampledRows<B>(product: LinearProduct<B>, { rows }: WeightSample) {
  const sampled = [...rows.keys()].sort((a, b) => a - b);
  if (!hasGates(product)) return { outputs: sampled, rows: sampled };
  const half = product.out.cols;
  const outputs = sampled.filter((row) => row < half && rows.has(row + half));
  return { outputs, rows: [...outputs, ...outputs.map((row) => row + half)] };
}

function hasGates<B>({ gated, out }: LinearProduct<B>): boolean {
  return gated !== null && gated !== undefined && gated.cols !== out.cols;
}

/** The tensors that make an output. */
export function tensorsOf<B>(product: LinearProduct<B>, sample: WeightSample): (output: number) => string {
  if (!hasGates(product)) return sample.nameOf;
  return (output) => `${sample.nameOf(output)}, ${sample.nameOf(output + product.out.cols)}`;
}

async function referenceArgs<B>(
  ops: Ops<B>,
  product: LinearProduct<B>,
  sample: WeightSample,
  rows: readonly number[],
  { numTokens, x, firstRow = 0 }: ProductInputs,
): Promise<CpuProduct> {
  const cpu = new CpuOps();
  const { cols } = product.weight;
  const room = (width: number) => cpu.tensor(numTokens, width, 'f32', 'activations');
  const values = new Float32Array(rows.length * cols);
  for (const [i, row] of rows.entries()) values.set(sample.rows.get(row) ?? [], i * cols);
  const args = {
    x: room(cols),
    weight: cpu.weight([packFloat(values, 'f32', rows.length, cols)]),
    bias: product.bias ? await copyBias(ops, product.bias, rows, firstRow) : null,
    out: room(hasGates(product) ? rows.length / 2 : rows.length),
    rows: numTokens,
    accumulate: false,
    codes: product.codes ? room(cols) : null,
    rounding: product.rounding,
    rescale: product.rescale ? await copyRescale(ops, product.rescale, rows) : null,
    norm: product.norm ? { ...(await copyNorm(ops, product.norm)), out: room(cols) } : null,
    gated: product.gated ? room(rows.length) : null,
    activation: product.activation,
  };
  cpu.write(args.x, x);
  return args;
}

/** Of the sampled rows alone. */
async function copyBias<B>(ops: Ops<B>, bias: Tensor<B>, rows: readonly number[], firstRow: number) {
  const all = await ops.read(bias, 1);
  const values = Float32Array.from(rows, (row) => all[firstRow + row]);
  return new CpuOps().constant(values, 1, rows.length);
}

async function copyNorm<B>(ops: Ops<B>, { weight, bias, eps }: NonNullable<LinearProduct<B>['norm']>) {
  const copy = async (tensor: Tensor<B>) => new CpuOps().constant(await ops.read(tensor, 1), 1, tensor.cols);
  return { weight: await copy(weight), bias: bias ? await copy(bias) : null, eps };
}

/** Of the sampled rows alone. */
async function copyRescale<B>(
  ops: Ops<B>,
  { table, weightScales }: Rescale<B>,
  rows: readonly number[],
): Promise<Rescale<Float64Array>> {
  const cpu = new CpuOps();
  const { cols } = table;
  const { words } = await ops.readWords(table, table.rows);
  const scales = await ops.read(weightScales, 1);
  const taken = rows.flatMap((row) => [...words.subarray(row * cols, (row + 1) * cols)]);
  return {
    table: cpu.constant(Uint32Array.from(taken), rows.length, cols),
    weightScales: cpu.constant(
      Float32Array.from(rows, (row) => scales[row]),
      1,
      rows.length,
    ),
  };
}

/** An output's sum and root of the sum of its squared terms; of a gated one the product of both, twice: no activation is steeper than 2. */
function magnitude(
  { x, norm, gated, out, activation }: CpuProduct,
  sample: WeightSample,
  rows: readonly number[],
  numOutputs: number,
  { token, i }: { token: number; i: number },
): number {
  const input = norm?.out ?? x;
  const sums = gated ?? out;
  const sizeOf = (at: number) => {
    const weights = sample.rows.get(rows[at]) ?? new Float64Array();
    const squares = weights.reduce((sum, w, k) => sum + (w * input.data[token * input.stride + k]) ** 2, 0);
    return Math.sqrt(squares) + Math.abs(sums.data[token * sums.stride + at]);
  };
  const isGated = rows.length > numOutputs;
  // That adds one to what it lets through.
  const added = activation === 'clamped_swish' ? 1 : 0;
  return (gated ? 2 : 1) * sizeOf(i) * (isGated ? sizeOf(numOutputs + i) + added : 1);
}
