import { LoadCheckError } from '../errors.js';
import type { Activations } from '../model/forward.js';
import type { Model } from '../model/model.js';
import type { WeightSample } from '../model/samples.js';
import type { Batch, BatchBuffers, Ops, Tensor } from '../ops/ops.js';
import type { LinearProduct } from '../webgpu/autotune.js';
import { modelProducts } from './autotune.js';
import {
  expectedExpertOutputs,
  hasExperts,
  inputRows,
  leastTokens,
  outputRows,
  routeToSampled,
  type SampledOutputs,
} from './sampled-experts.js';
import { type ExpectedOutput, expectedOutputs, type ProductInputs, tensorsOf } from './sampled-products.js';

/** A loaded model whose kernels are ready. */
export interface CheckedModel<B> {
  readonly backend: { readonly ops: Ops<B> };
  readonly model: Model<B>;
  readonly activations: Activations<B>;
  readonly batch: BatchBuffers<B>;
  readonly noResults: Tensor<B>;
}

/**
 * Largest error, as a share of the numbers that make up an output. f32: sums of up to 2^17 products in any order, 2⁻²⁴ each, err by far less.
 * f16: weights, activations and outputs are rounded to 2⁻¹¹ each; a wrong code or scale of one block of 32 errs by more than both.
 */
const MAX_ERROR = { f32: 2 ** -12, f16: 2 ** -7 } as const;
/** INT8 activations that lie between two codes may go to either. */
const MAX_ERROR_INT8 = 2 ** -6;
/** Half the distance of the smallest numbers in f16. */
const F16_STEP = 2 ** -24;

/**
 * Holds a few outputs of every kernel that reads a weight against the reference, for the first weight of each role and format: the model's own
 * weights, random activations. Overwrites activations and batch.
 * @param sizes numbers of tokens that take kernels of their own
 * Rejects with LoadCheckError.
 */
export async function checkKernels<B>(device: CheckedModel<B>, sizes: readonly number[]): Promise<void> {
  const { model, activations, batch } = device;
  await checkEmbedding(device);
  const checked = new Set<string>();
  for (const product of modelProducts(model, activations)) {
    const sample = model.samples.get(product.weight);
    if (sample === undefined || sample.rows.size === 0) continue;
    for (const size of sizes) {
      const tokens = Math.max(size, leastTokens(product));
      const numTokens = Math.min(tokens, batch.capacity.maxTokens, product.x.rows, product.out.rows);
      await checkProduct(device, product, sample, numTokens, checked);
    }
  }
}

/** The tensor to blame where a step's logits are not all numbers, as an error. Overwrites activations. */
export async function findFault<B>(device: CheckedModel<B>): Promise<LoadCheckError> {
  const { model, activations, backend } = device;
  const problem = 'infinite or not a number; the checkpoint is damaged, or beyond f16: try --dtype float32';
  for (const product of modelProducts(model, activations)) {
    routeIfNeeded(device, product, 1);
    backend.ops.write(product.x, randomValues(1, product.x.cols));
    if (product.weight.host !== undefined) backend.ops.bring(product.weight.host);
    backend.ops.linear({ ...product, rows: 1, accumulate: false });
    const values = await backend.ops.read(product.out, 1);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const sample = model.samples.get(product.weight);
    const name = sample === undefined ? 'weights' : tensorsOf(product, sample)(bad);
    return new LoadCheckError(name, 'its products', `output ${bad} is ${values[bad]}: ${problem}`);
  }
  return new LoadCheckError('logits', 'a whole step', problem);
}

/** Before a product of experts, tokens must be sent to some. */
function routeIfNeeded<B>(
  { backend, activations }: CheckedModel<B>,
  product: LinearProduct<B>,
  rows: number,
): void {
  const logits = activations.experts?.logits;
  if (hasExperts(product) && logits) routeToSampled(backend.ops, product, logits, rows);
}

async function checkProduct<B>(
  device: CheckedModel<B>,
  product: LinearProduct<B>,
  sample: WeightSample,
  numTokens: number,
  checked: Set<string>,
): Promise<void> {
  const { ops } = device.backend;
  const { host } = product.weight;
  const run = () => {
    if (host !== undefined) ops.bring(host);
    ops.linear({ ...product, rows: numTokens, accumulate: false });
  };
  const kernels = await ops.prepare(run);
  const key = [sample.nameOf(0), ...kernels].join();
  if (checked.has(key)) return;
  checked.add(key);
  const x = randomValues(inputRows(product, numTokens), product.x.cols);
  const expected = await expectedByWeight(ops, product, sample, { numTokens, x });
  routeIfNeeded(device, product, numTokens);
  ops.write(product.x, x);
  run();
  const got = await ops.read(product.out, outputRows(product, numTokens));
  const share = product.codes ? MAX_ERROR_INT8 : MAX_ERROR[ops.computeType];
  const { cols } = product.out;
  for (const { sample: own, outputs } of expected)
    compare(got, cols, outputs, { share, nameOf: tensorsOf(product, own), kernel: kernels.join(' + ') });
}

/** Of a product of experts each sampled expert's outputs, of another all that are sampled. */
async function expectedByWeight<B>(
  ops: Ops<B>,
  product: LinearProduct<B>,
  sample: WeightSample,
  inputs: ProductInputs,
): Promise<readonly SampledOutputs[]> {
  if (hasExperts(product)) return expectedExpertOutputs(ops, product, sample, inputs);
  return [{ sample, outputs: await expectedOutputs(ops, product, sample, inputs) }];
}

async function checkEmbedding<B>({
  backend,
  model,
  activations,
  batch,
  noResults,
}: CheckedModel<B>): Promise<void> {
  const { ops } = backend;
  const { embedding: table, positions, config } = model;
  const sample = model.samples.get(table);
  if (sample === undefined) return;
  const out = activations.residual;
  const tokenIds = [...sample.rows.keys()].slice(0, batch.capacity.maxTokens);
  const rows = tokenIds.length;
  const scale = config.embeddingScale;
  const run = () => ops.embed({ batch, previous: noResults, table, out, rows, scale, positions });
  const kernels = await ops.prepare(run);
  ops.writeBatch(batch, lookupBatch(tokenIds, batch.capacity.maxBlocksPerSequence));
  run();
  const got = await ops.read(out, rows);
  const place = positions === null ? undefined : model.samples.get(positions)?.rows.get(0);
  const expected = tokenIds.flatMap((id, token) =>
    Array.from(sample.rows.get(id) ?? [], (value, output) => {
      const [scaled, added] = [scale * value, place?.[output] ?? 0];
      return { token, output, value: scaled + added, magnitude: Math.abs(scaled) + Math.abs(added) };
    }),
  );
  const nameOf = () => sample.nameOf(0);
  compare(got, out.cols, expected, { share: MAX_ERROR.f32, nameOf, kernel: kernels.join(' + ') });
}

/** Throws LoadCheckError for the first output that is no number, or not the expected one. @param got `[tokens][cols]` */
function compare(
  got: Float32Array,
  cols: number,
  expected: readonly ExpectedOutput[],
  { share, nameOf, kernel }: { share: number; nameOf: (row: number) => string; kernel: string },
): void {
  const bad = got.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const [token, output] = [Math.floor(bad / cols), bad % cols];
    throw new LoadCheckError(nameOf(output), kernel, `output ${output} of token ${token} is ${got[bad]}`);
  }
  for (const { token, output, value, magnitude } of expected) {
    const found = got[token * cols + output];
    const tolerance = share * magnitude + F16_STEP;
    // Written so that what is no number fails.
    if (Math.abs(found - value) <= tolerance) continue;
    const problem =
      `output ${output} of token ${token} is ${found}, and the reference has ${value} ± ${tolerance.toPrecision(2)}; ` +
      'the driver miscompiles it or the memory is damaged: update the driver, or try --no-autotune or --dtype float32';
    throw new LoadCheckError(nameOf(output), kernel, problem);
  }
}

/** Multiples of 1/512 in [−1, 1): exact in f16, so device and reference have the same. */
function randomValues(rows: number, cols: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: rows * cols }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >> 22) / 512;
  });
}

/** One token of each id, all at position 0. */
function lookupBatch(tokenIds: readonly number[], maxBlocksPerSequence: number): Batch {
  const zeros = new Uint32Array(tokenIds.length);
  return {
    numTokens: tokenIds.length,
    numSequences: 1,
    tokenIds: Uint32Array.from(tokenIds),
    positions: zeros,
    slotMapping: zeros,
    sequenceIds: zeros,
    blockTables: new Uint32Array(maxBlocksPerSequence),
    logitsRows: new Uint32Array(0),
    sampling: [],
    scoring: [],
  };
}
