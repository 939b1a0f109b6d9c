import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import type { ActivationSteps, MatrixSpec } from '../../checkpoint/write/format.js';
import { type NamedData, ShardWriter } from '../../checkpoint/write/shards.js';
import { UserError } from '../../errors.js';
import { transposed } from '../../model/matrix-layout.js';
import { f32ToBf16, f32ToF16 } from '../../quant/half.js';
import type { PackedWeight } from '../../quant/weight.js';
import type { InputGatherer } from '../gather.js';
import type { MatrixMethod } from '../method.js';
import { readDone } from './done.js';
import { Journal, type JournalEntry } from './journal.js';
import type { CopyTask, JobPlan, MatrixTask, Task } from './plan.js';
import { blindNotes } from './preflight.js';
import { isStatic } from './schemes.js';

export interface JobProgress {
  /** Of the source, done so far and in all. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** That is worked on; null for tensors outside the layers. */
  readonly layer: number | null;
}

/** What a job asks of a calibration. */
export type Inputs = Pick<InputGatherer<unknown>, 'reach' | 'statsOf' | 'replace'> &
  Partial<Pick<InputGatherer<unknown>, 'stepsOf'>>;

/** How codes lie in the files. */
export interface MatrixPacker {
  stored?(spec: MatrixSpec, weight: PackedWeight): PackedWeight;
  pack(
    spec: MatrixSpec,
    weight: PackedWeight,
    groupIndex: Uint32Array | null,
    steps?: ActivationSteps | null,
  ): readonly NamedData[];
}

export interface Job {
  /** Whose tensors the plan's tasks are of. */
  readonly checkpoint: Checkpoint;
  readonly plan: JobPlan;
  readonly file: MatrixPacker;
  readonly method: MatrixMethod;
  /** Tells what is known of the inputs of matrices; null where the method needs nothing. */
  readonly inputs: Inputs | null;
  readonly onProgress: (progress: JobProgress) => void;
}

/**
 * Writes the weights of a plan into a folder, one tensor in memory at a time. What an earlier run of the same job has left there is not done again.
 * @param fingerprint of all that decides the bytes. Resolves with what is known of every tensor, in the plan's order.
 */
export async function runJob(job: Job, dir: string, fingerprint: string): Promise<readonly JournalEntry[]> {
  const { tasks, shards } = job.plan;
  const journal = await Journal.open(dir, fingerprint);
  const writer = await ShardWriter.open(dir, shards);
  const totalBytes = tasks.reduce((sum, { info }) => sum + info.bytes, 0);
  const entries: JournalEntry[] = [];
  const isUnfinished = tasks.some(({ info }) => !journal.done.has(info.name));
  let bytes = 0;
  try {
    for (const task of tasks) {
      job.onProgress({ bytes, totalBytes, layer: task.kind === 'matrix' ? task.layer : null });
      const known = journal.done.get(task.info.name);
      const entry = known ?? (await runTask(job, task, writer));
      if (known === undefined) await journal.add(entry);
      else if (isUnfinished) await takeUp(job, task, dir);
      entries.push(entry);
      bytes += task.info.bytes;
    }
    job.onProgress({ bytes, totalBytes, layer: null });
  } finally {
    await writer.close();
  }
  return entries;
}

/** What an earlier run made of a matrix is what those after it see. */
async function takeUp({ inputs, plan }: Job, task: Task, dir: string): Promise<void> {
  if (inputs === null || task.kind === 'copy' || task.layer === null) return;
  await inputs.reach(task.layer);
  inputs.replace(task.info.name, await readDone(dir, plan, task));
}

async function runTask(job: Job, task: Task, writer: ShardWriter): Promise<JournalEntry> {
  const start = performance.now();
  const { tensors, error, notes } =
    task.kind === 'matrix' ? await quantized(job, task) : await copied(job.checkpoint, task);
  await writer.write(tensors);
  return { tensor: task.info.name, error, notes, seconds: (performance.now() - start) / 1000 };
}

interface Made {
  readonly tensors: readonly NamedData[];
  readonly error: number | null;
  readonly notes: readonly string[];
}

async function quantized({ checkpoint, file, method, inputs }: Job, task: MatrixTask): Promise<Made> {
  const { info, spec, isTransposed } = task;
  const { rows, cols, format } = spec;
  const read = await checkpoint.readF32(info.name);
  const values = isTransposed ? transposed(read, rows) : read;
  const stats = (await inputs?.statsOf(info.name)) ?? null;
  const steps = isStatic(spec) ? ((await inputs?.stepsOf?.(info.name)) ?? null) : null;
  const result = method.quantize({ name: info.name, values, rows, cols, format, stats });
  const { groupIndex } = result;
  const packed = file.stored?.(spec, result.packed) ?? result.packed;
  inputs?.replace(info.name, { packed, groupIndex });
  return {
    tensors: file.pack(spec, result.packed, groupIndex, steps),
    error: result.error,
    notes: [...new Set([...blindNotes(task, method), ...result.notes])],
  };
}

async function copied(checkpoint: Checkpoint, { info, dtype, outputs }: CopyTask): Promise<Made> {
  const data =
    dtype === info.dtype
      ? (await checkpoint.read(info.name)).data
      : await narrowed(checkpoint, info.name, dtype);
  return { tensors: [{ name: outputs[0].name, data }], error: null, notes: [] };
}

async function narrowed(checkpoint: Checkpoint, name: string, dtype: string): Promise<ArrayBufferView> {
  const values = await checkpoint.readF32(name);
  if (dtype === 'F32') return values;
  const halves = new Uint16Array(values.length);
  if (dtype === 'F16') f32ToF16(values, halves);
  else f32ToBf16(values, halves);
  const beyond =
    dtype === 'F16' ? halves.findIndex((half, i) => isInfinite(half) && Number.isFinite(values[i])) : -1;
  if (beyond === -1) return halves;
  throw new UserError(
    `${name}: element ${beyond} is ${values[beyond]}, beyond f16: take another type, or --keep it`,
  );
}

/** Of f16 bits. */
function isInfinite(half: number): boolean {
  return (half & 0x7fff) === 0x7c00;
}
