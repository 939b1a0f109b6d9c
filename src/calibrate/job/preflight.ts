import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { numElements } from '../../model/weight-bytes.js';
import type { MatrixMethod } from '../method.js';
import { type CalibrationBytes, NO_CALIBRATION } from './calibration-bytes.js';
import type { JobPlan, MatrixTask, Task } from './plan.js';
import { dtypeBytes } from './sizes.js';

/** What a job will take, told before it begins. */
export interface Preflight {
  readonly sourceBytes: number;
  readonly outputBytes: number;
  /** Host memory beside that of the process itself: the largest tensor as it is read, as f32, in codes and as it is written. */
  readonly peakBytes: number;
  /** Of the device, on which the calibration text runs; 0 where none does. */
  readonly deviceBytes: number;
  /** Of weights that are quantized. */
  readonly numWeights: number;
  /** Matrices by the format that they get. */
  readonly formats: ReadonlyMap<string, number>;
  /** Matrices with which something else is done than asked. */
  readonly exceptions: readonly { readonly tensor: string; readonly note: string }[];
}

export function preflight(
  { tasks, shards }: JobPlan,
  method: Pick<MatrixMethod, 'needs' | 'withoutInputs'>,
  calibration: CalibrationBytes = NO_CALIBRATION,
): Preflight {
  const matrices = tasks.filter((task) => task.kind === 'matrix');
  const formats = new Map<string, number>();
  for (const { label } of matrices) formats.set(label, (formats.get(label) ?? 0) + 1);
  return {
    sourceBytes: tasks.reduce((sum, { info }) => sum + info.bytes, 0),
    outputBytes: shards.totalBytes,
    deviceBytes: calibration.device,
    peakBytes: calibration.host + Math.max(...tasks.map((task) => taskBytes(task, method.needs))),
    numWeights: matrices.reduce((sum, { info }) => sum + numElements(info.shape), 0),
    formats,
    exceptions: tasks.flatMap((task) => {
      const notes = [...(task.note === null ? [] : [task.note]), ...blindNotes(task, method)];
      return notes.length === 0 ? [] : [{ tensor: task.info.name, note: notes.join('; ') }];
    }),
  };
}

/** What a method does otherwise to a matrix of whose inputs a text tells nothing, in words; empty where it does nothing otherwise. */
export function blindNotes(task: Task, method: Pick<MatrixMethod, 'withoutInputs'>): readonly string[] {
  const note =
    task.kind === 'matrix' && task.isBlind === true ? method.withoutInputs(task.spec.format) : null;
  return note === null ? [] : [note];
}

/** Enough for a steady figure, few enough to take no time. */
const SAMPLE_WEIGHTS = 2 ** 18;

/** Weights that a method quantizes in a second on this machine; null where it must know the inputs first. */
export async function measureRate(
  checkpoint: Checkpoint,
  { tasks }: JobPlan,
  method: MatrixMethod,
): Promise<number | null> {
  const task = tasks.find((task) => task.kind === 'matrix');
  if (task === undefined || method.needs !== 'nothing') return null;
  const { info, spec } = task;
  const { cols, format } = spec;
  const rowSize = numElements(info.shape) / info.shape[0];
  const count = Math.min(info.shape[0], Math.ceil(Math.max(SAMPLE_WEIGHTS, cols) / rowSize));
  const read = await checkpoint.readF32(info.name, { start: 0, count });
  const rows = Math.floor(read.length / cols);
  const values = read.subarray(0, rows * cols);
  const start = performance.now();
  method.quantize({ name: info.name, values, rows, cols, format, stats: null });
  return (1000 * values.length) / (performance.now() - start);
}

function taskBytes(task: Task, needs: MatrixMethod['needs']): number {
  const written = dtypeBytes(task.outputs);
  const asF32 = (task.rearranged === true ? 2 : 1) * 4 * numElements(task.info.shape);
  if (task.kind === 'copy') return task.info.bytes + (task.dtype === task.info.dtype ? 0 : asF32 + written);
  const turned = task.isTransposed ? asF32 : 0;
  return task.info.bytes + asF32 + turned + 2 * written + hessianBytes(task, needs);
}

/** The Hessian, and its factor. */
function hessianBytes({ spec }: MatrixTask, needs: MatrixMethod['needs']): number {
  return needs === 'hessian' ? 2 * 8 * spec.cols ** 2 : 0;
}
