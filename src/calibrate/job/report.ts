import type { CalibrationSource } from '../calibration-text.js';
import type { JournalEntry } from './journal.js';
import type { Task } from './plan.js';
import { dtypeBytes } from './sizes.js';

/** What was asked for. */
export interface ReportOptions {
  readonly model: string;
  readonly scheme: string;
  readonly method: string;
  readonly format: string;
  readonly keep: readonly string[];
  /** Whether embedding and output matrix are quantized too. */
  readonly withTables: boolean;
  /** How ranges of static activations are chosen; absent where there are none. */
  readonly activationRange?: string;
}

export interface OutputFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What `quantization-report.json` holds. Everything but `timing` follows from the inputs alone. */
export interface QuantizationReport {
  readonly halflight: string;
  readonly options: ReportOptions;
  readonly calibration: CalibrationSource | null;
  readonly sourceBytes: number;
  readonly outputBytes: number;
  /** SHA-256 of the lines `sha256  name` of all files. */
  readonly sha256: string;
  readonly files: readonly OutputFile[];
  readonly tensors: readonly TensorReport[];
  readonly timing: {
    readonly node: string;
    readonly seconds: number;
    readonly tensors: Readonly<Record<string, number>>;
  };
}

export interface TensorReport {
  readonly tensor: string;
  readonly shape: readonly number[];
  /** As it is written. */
  readonly format: string;
  /** null for tensors that are copied. */
  readonly method: string | null;
  /** Mean squared error of an output; see `MatrixResult`. */
  readonly error: number | null;
  readonly bytes: number;
  /** KL divergence, in nats, that is expected of it, where its format was chosen by that; else null. */
  readonly expectedDivergence: number | null;
  /** What other formats would change. */
  readonly why: string | null;
  readonly notes: readonly string[];
}

export function tensorReport(task: Task, { error, notes }: JournalEntry, method: string): TensorReport {
  const isMatrix = task.kind === 'matrix';
  return {
    tensor: task.info.name,
    shape: task.info.shape,
    format: isMatrix ? task.label : task.dtype,
    method: isMatrix ? method : null,
    error,
    bytes: dtypeBytes(task.outputs),
    expectedDivergence: isMatrix ? (task.choice?.cost ?? null) : null,
    why: isMatrix ? (task.choice?.why ?? null) : null,
    notes: [...(task.note === null ? [] : [task.note]), ...notes],
  };
}

/** The same for people. */
export function reportMarkdown(report: QuantizationReport): string {
  const { options, calibration, tensors, files } = report;
  const rows = tensors.map(({ tensor, shape, format, method, error, bytes, why, notes }) =>
    tableRow([
      tensor,
      shape.join(' × '),
      format,
      method ?? 'copied',
      error === null ? '' : error.toExponential(3),
      String(bytes),
      [...(why === null ? [] : [why]), ...notes].join('; '),
    ]),
  );
  return [
    `# ${options.model}, quantized`,
    '',
    `halflight ${report.halflight} made this of ${report.sourceBytes} bytes of weights: ${report.outputBytes} bytes.`,
    '',
    `- scheme ${options.scheme}, method ${options.method}, format ${options.format}${options.activationRange === undefined ? '' : `, static activations by ${options.activationRange}`}`,
    `- kept: ${options.keep.length === 0 ? 'nothing by request' : options.keep.join(', ')}`,
    `- calibration: ${calibration === null ? 'none' : calibrationLine(calibration)}`,
    `- SHA-256 of all files together: \`${report.sha256}\``,
    `- ${report.timing.seconds.toFixed(1)} s on Node ${report.timing.node}`,
    '',
    tableRow(['file', 'bytes', 'SHA-256']),
    tableRow(['---', '---:', '---']),
    ...files.map(({ name, bytes, sha256 }) => tableRow([name, String(bytes), `\`${sha256}\``])),
    '',
    '`error` is the mean over a matrix’s rows of Δ·H·Δᵀ / 2, where H is the second moment of its inputs, or the identity where nothing is known of these.',
    '',
    tableRow(['tensor', 'shape', 'format', 'method', 'error', 'bytes', 'notes']),
    tableRow(['---', '---', '---', '---', '---:', '---:', '---']),
    ...rows,
    '',
  ].join('\n');
}

function calibrationLine({ files, numTokens, numSamples, sha256 }: CalibrationSource): string {
  return `${numTokens} tokens in ${numSamples} pieces of ${files.join(', ')}, SHA-256 of their ids \`${sha256}\``;
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
