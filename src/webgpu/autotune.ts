import { join } from 'node:path';
import type { OpArgs, Tensor } from '../ops/ops.js';
import type { AdapterSummary } from './adapter.js';
import { candidatesFor, keepsBytes, measuredTokens } from './candidates.js';
import { type TimingOptions, timesOnDevice } from './device-time.js';
import { fastest, type Job, TimeBudget, type Trial } from './fastest.js';
import type { WebGpuOps } from './ops.js';
import { stagedTiling } from './staged-tiling.js';
import type { LinearChoice } from './tiling.js';
import { type ProductChoices, type Tilings, TOKEN_BUCKETS } from './tilings.js';
import { type Choices, readChoices, tuningFileName, writeChoices } from './tuning-file.js';

/** A matrix product of a model. Measuring it fills `x` with random numbers and overwrites `out` and `codes`. */
export type LinearProduct<B> = Omit<OpArgs<B, 'linear'>, 'rows' | 'accumulate'>;

/**
 * Measures how the products are best cut, or reads it from a file in `cacheDir`, and cuts them so from then on. Measures what the file does not
 * hold and keeps it there. A file that is broken or cannot be written is a warning of the report.
 */
export type Autotune<B> = (
  products: readonly LinearProduct<B>[],
  cacheDir: string,
  onProgress: (done: number, total: number) => void,
) => Promise<AutotuneReport>;

export interface AutotuneReport {
  readonly path: string;
  /** Distinct products, and those of them that the file did not hold. */
  readonly numProducts: number;
  readonly numMeasured: number;
  /** Whether time was up before all were measured; the rest keeps the default. */
  readonly timeWasUp: boolean;
  /** With the time to compile the candidates. */
  readonly ms: number;
  readonly warnings: readonly string[];
}

/** Products of one key. Runs take one after another, so that caches hold no more of their weights than in a step. */
interface ProductGroup {
  readonly key: string;
  readonly uses: readonly LinearProduct<GPUBuffer>[];
}

type OpenJob = Job & { readonly group: ProductGroup; readonly bucket: number; readonly rows: number };

export function autotuneOf(ops: WebGpuOps, adapter: AdapterSummary): Autotune<GPUBuffer> {
  return async (products, cacheDir, onProgress) => {
    const startMs = performance.now();
    const { tuning } = ops.tilings;
    const path = join(cacheDir, tuningFileName(adapter, tuning));
    const warnings: string[] = [];
    const warn = (doing: string) => (error: unknown) => {
      warnings.push(`${path}: cannot be ${doing}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    };
    const known: Choices = (await readChoices(path, tuning).catch(warn('used'))) ?? new Map();
    const groups = groupProducts(ops.tilings, products);
    const missing = groups.filter(({ key }) => !known.has(key));
    const { measured, timeWasUp } = await measureGroups(ops, missing, onProgress);
    const all = new Map([...known, ...measured]);
    for (const { key } of groups) ops.tilings.set(key, all.get(key) ?? []);
    if (measured.size > 0) await writeChoices(path, all).catch(warn('written'));
    const ms = performance.now() - startMs;
    return { path, numProducts: groups.length, numMeasured: measured.size, timeWasUp, ms, warnings };
  };
}

/** Parts of a weight are products of their own. */
export function groupProducts(
  tilings: Tilings,
  products: readonly LinearProduct<GPUBuffer>[],
): readonly ProductGroup[] {
  const groups = new Map<string, LinearProduct<GPUBuffer>[]>();
  for (const product of products) {
    const { codes, weight } = product;
    for (const part of weight.parts) {
      const key = tilings.keyOf(part, codes ? 'int8' : 'float');
      const use = { ...product, weight: { ...weight, parts: [part] } };
      groups.set(key, [...(groups.get(key) ?? []), use]);
    }
  }
  return [...groups].map(([key, uses]) => ({ key, uses }));
}

async function measureGroups(
  ops: WebGpuOps,
  groups: readonly ProductGroup[],
  onProgress: (done: number, total: number) => void,
): Promise<{ measured: Choices; timeWasUp: boolean }> {
  const jobs = BUCKET_ORDER.flatMap((bucket) => groups.flatMap((group) => jobOf(ops, group, bucket)));
  const measured = new Map(groups.map(({ key }) => [key, NO_CHOICES]));
  if (jobs.length === 0) return { measured, timeWasUp: false };
  fillInputs(ops, groups);
  await prepareAll(ops, jobs);
  const results = ops.tensor(1, 1, 'u32', 'activations');
  await warmUp(ops, jobs[0], results);
  const budget = new TimeBudget(ops.tilings.tuning.autotune.budgetMs);
  for (const [i, job] of jobs.entries()) {
    onProgress(i, jobs.length);
    const choice = await fastest(job, (candidate) => tryChoice(ops, job, candidate, results), budget);
    const { key } = job.group;
    measured.set(key, (measured.get(key) ?? NO_CHOICES).with(job.bucket, choice));
  }
  return { measured, timeWasUp: budget.wasUp };
}

/** Single tokens, then prompts, then what lies between: what is most common is measured while there is time. */
const BUCKET_ORDER = [0, 3, 2, 1] as const;

const NO_CHOICES: ProductChoices = TOKEN_BUCKETS.map(() => null);

/** None where the tensors have no room for so many tokens, or there is nothing to choose from. */
function jobOf(ops: WebGpuOps, group: ProductGroup, bucket: number): OpenJob[] {
  const { tuning } = ops.tilings;
  const fewer = TOKEN_BUCKETS[bucket - 1]?.maxTokens ?? 0;
  const [{ x, out, codes, norm, weight }] = group.uses;
  // Of what meets the weight, where a norm comes before it.
  const { type } = codes ?? norm?.out ?? x;
  const candidates = candidatesFor(TOKEN_BUCKETS[bucket], type, tuning);
  const rows = Math.min(measuredTokens(TOKEN_BUCKETS[bucket], type, tuning), x.rows, out.rows);
  if (rows <= fewer || candidates.length === 1) return [];
  if (stagedTiling(rows, weight.parts[0], type, tuning) !== null) return [];
  return [{ group, bucket, rows, candidates, keepsBytes: keepsBytes(tuning) }];
}

/** Random numbers: zeros would take less power, and so less time. */
function fillInputs(ops: WebGpuOps, groups: readonly ProductGroup[]): void {
  const { manyTokens } = ops.tilings.tuning.autotune;
  for (const x of new Set(groups.flatMap(({ uses }) => uses.map((use) => use.x)))) {
    let state = 1;
    const values = new Float32Array(Math.min(manyTokens, x.rows) * x.cols).map(() => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state / 2 ** 31;
    });
    ops.write(x, values);
  }
}

/** Compiles all candidates together. A driver may compile again at the first run. */
async function prepareAll(ops: WebGpuOps, jobs: readonly OpenJob[]): Promise<void> {
  await ops.prepare(() => {
    for (const job of jobs) for (const choice of job.candidates) enqueue(ops, job, choice, 0);
  });
}

function enqueue(ops: WebGpuOps, { group, bucket, rows }: OpenJob, choice: LinearChoice, turn: number): void {
  ops.tilings.set(group.key, NO_CHOICES.with(bucket, choice));
  ops.linear({ ...group.uses[turn % group.uses.length], rows, accumulate: false });
}

async function warmUp(ops: WebGpuOps, job: OpenJob, results: Tensor<GPUBuffer>): Promise<void> {
  const { targetMs, warmUpMs } = ops.tilings.tuning.autotune;
  const [preset] = job.candidates;
  await timesOf(ops, job, preset, results, { repeats: 0, targetMs, warmUpMs });
}

function timesOf(
  ops: WebGpuOps,
  job: OpenJob,
  choice: LinearChoice,
  results: Tensor<GPUBuffer>,
  timing: TimingOptions,
): Promise<number[]> {
  const finish = async () => (await ops.readWords(results, 1)).gpuMs;
  return timesOnDevice((turn) => enqueue(ops, job, choice, turn), finish, timing);
}

/** Rows of the output that are compared, where bytes must not change. */
const COMPARED_ROWS = 8;

async function tryChoice(
  ops: WebGpuOps,
  job: OpenJob,
  choice: LinearChoice,
  results: Tensor<GPUBuffer>,
): Promise<Trial> {
  const { targetMs } = ops.tilings.tuning.autotune;
  enqueue(ops, job, choice, 0);
  const output = await ops.read(
    job.group.uses[0].out,
    job.keepsBytes ? Math.min(job.rows, COMPARED_ROWS) : 1,
  );
  const startMs = performance.now();
  const times = await timesOf(ops, job, choice, results, { repeats: 3, targetMs });
  return { ms: Math.min(...times), costMs: performance.now() - startMs, output };
}
