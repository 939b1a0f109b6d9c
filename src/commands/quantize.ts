import { basename, join } from 'node:path';
import { type CalibrationText, cutSamples } from '../calibrate/calibration-text.js';
import { InputGatherer } from '../calibrate/gather.js';
import { parseKeep } from '../calibrate/job/keep.js';
import { parseMethod } from '../calibrate/job/methods.js';
import { checkOutput, freeBytes, partialOf, preparePartial } from '../calibrate/job/outputs.js';
import { type JobPlan, planJob } from '../calibrate/job/plan.js';
import { measureRate, type Preflight, preflight } from '../calibrate/job/preflight.js';
import { quantizeModel } from '../calibrate/job/quantize.js';
import type { QuantizationReport, ReportOptions } from '../calibrate/job/report.js';
import type { JobProgress } from '../calibrate/job/run.js';
import { parseScheme } from '../calibrate/job/schemes.js';
import type { MatrixMethod } from '../calibrate/method.js';
import { isGguf } from '../checkpoint/gguf/header.js';
import { type ModelCheckpoint, openModelCheckpoint } from '../checkpoint/quantized/quantized.js';
import type { FileFormat } from '../checkpoint/write/format.js';
import { FILE_FORMATS, usualFileFormat } from '../checkpoint/write/formats.js';
import { parseLine, type Values } from '../config.js';
import { cpuBackend, webgpuBackend } from '../engine/backend.js';
import { UserError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { parseModelConfig } from '../model/config-parse.js';
import { loadChatTemplate } from '../text/chat-template.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { fileProblem, readTextFile } from './files.js';
import { formatBytes, formatCount, formatDuration } from './format.js';
import { BUNDLED_MODEL, findModel, modelName } from './model-options.js';
import { QUANTIZE_OPTIONS } from './options.js';
import { type Progress, showProgress } from './progress.js';
import { packageVersion } from './version.js';

type QuantizeValues = Values<(typeof QUANTIZE_OPTIONS)[number]>;

const MAX_SHARD_BYTES = 5e9;

/** A job that is decided, but not begun. */
interface Prepared {
  readonly modelDir: string;
  readonly out: string;
  readonly checkpoint: ModelCheckpoint;
  readonly plan: JobPlan;
  readonly file: FileFormat;
  readonly method: MatrixMethod;
  readonly options: ReportOptions;
  readonly config: ModelConfig;
  readonly calibration: CalibrationText | null;
}

/** Writes a quantized checkpoint, and tells before what that takes. Resolves with the exit code. */
export async function runQuantize(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, QUANTIZE_OPTIONS);
  const [model, out, ...others] = positionals;
  const modelDir = await findModel(model === undefined ? [] : [model], values);
  if (model === undefined || out === undefined || others.length > 0) {
    throw new UserError('quantize: takes MODEL and OUT, the folder that the quantized model is written to');
  }
  if (isGguf(modelDir)) throw new UserError(`MODEL: ${model}: a GGUF file; name a folder of safetensors`);
  await checkOutput(modelDir, out, values.overwrite);
  const checkpoint = await openModelCheckpoint(modelDir);
  try {
    const prepared = await prepare(modelDir, out, checkpoint, values);
    const flight = preflight(prepared.plan, prepared.method, sampleBytes(prepared));
    const lines = await preflightLines(prepared, flight);
    if (!values.json || values['dry-run']) print(values.json ? [JSON.stringify(told(flight))] : lines);
    await checkSpace(out, flight.outputBytes);
    if (values['dry-run']) return 0;
    const report = await quantize(prepared, values);
    print(values.json ? [JSON.stringify(report)] : resultLines(out, report));
    return 0;
  } finally {
    await checkpoint.close();
  }
}

async function prepare(
  modelDir: string,
  out: string,
  checkpoint: ModelCheckpoint,
  values: QuantizeValues,
): Promise<Prepared> {
  const scheme = parseScheme(values.scheme);
  const { name: methodName, method, actOrder } = parseMethod(values.method);
  const file = FILE_FORMATS.get(values.format) ?? usualFileFormat(scheme.format);
  const config = await parseModelConfig(modelDir);
  const plan = planJob(config, checkpoint, {
    scheme,
    file,
    keep: values.keep.map(parseKeep),
    maxShardBytes: values['max-shard-size'] ?? MAX_SHARD_BYTES,
    actOrder,
  });
  const options = {
    model: modelName(modelDir),
    scheme: scheme.name,
    method: methodName,
    format: file.name,
    keep: values.keep,
    seed: values.seed,
  };
  const calibration = method.needs === 'nothing' ? null : await calibrationText(modelDir, config, values);
  return { modelDir, out, checkpoint, plan, file, method, options, config, calibration };
}

async function quantize(prepared: Prepared, values: QuantizeValues): Promise<QuantizationReport> {
  const { out } = prepared;
  const display = showProgress();
  const inputs = inputsOf(prepared, values.device);
  try {
    await preparePartial(out, values.overwrite);
    return await quantizeModel({
      ...prepared,
      version: packageVersion(),
      inputs,
      onProgress: (progress) => display.update(shown(progress)),
    });
  } catch (error) {
    throw fileProblem('OUT', `${partialOf(out)} (the same command goes on where it is)`, error);
  } finally {
    inputs?.close();
    display.stop();
  }
}

/** Samples run in f32, so that what is known of inputs is of the model and not of the arithmetic. */
function inputsOf({ checkpoint, config, method, calibration }: Prepared, device: QuantizeValues['device']) {
  if (calibration === null) return null;
  const { samples } = calibration;
  const gathering = { checkpoint, config, samples, withHessian: method.needs === 'hessian' };
  if (device === 'cpu') return new InputGatherer({ ...gathering, openOps: async () => cpuBackend().ops });
  const openOps = async () => (await webgpuBackend({ computeType: 'float32', batchInvariant: false })).ops;
  return new InputGatherer({ ...gathering, openOps });
}

/** Of the residual streams of all samples, before a layer and after it. */
function sampleBytes({ calibration, config }: Prepared): number {
  return 2 * 4 * (calibration?.numTokens ?? 0) * config.hiddenSize;
}

function shown({ bytes, totalBytes, layer }: JobProgress): Progress {
  const progress = { stage: 'quantize', done: bytes, total: totalBytes };
  return layer === null ? progress : { ...progress, detail: `layer ${layer}` };
}

async function calibrationText(
  modelDir: string,
  { maxPositionEmbeddings }: ModelConfig,
  values: QuantizeValues,
): Promise<CalibrationText> {
  const paths = values.calibration.length > 0 ? values.calibration : [join(BUNDLED_MODEL, 'calibration.txt')];
  const files = [];
  for (const path of paths)
    files.push({ name: basename(path), text: await readTextFile('--calibration', path) });
  return cutSamples(files, loadTokenizer(modelDir), loadChatTemplate(modelDir), {
    maxSamples: values['calibration-samples'],
    length: Math.min(values['calibration-length'], maxPositionEmbeddings),
  });
}

/** Throws UserError where the disk has no room. What an earlier run has written is counted again, so this may be too careful. */
async function checkSpace(out: string, needed: number): Promise<void> {
  const free = await freeBytes(out);
  if (free >= needed) return;
  throw new UserError(`OUT: ${out}: takes ${formatBytes(needed)}, but ${formatBytes(free)} are free there`);
}

async function preflightLines(
  { checkpoint, plan, method, options, out }: Prepared,
  flight: Preflight,
): Promise<string[]> {
  const { sourceBytes, outputBytes, peakBytes, numWeights, formats, exceptions } = flight;
  const rate = await measureRate(checkpoint, plan, method);
  const time = rate === null ? 'shown when a layer is done' : `about ${formatDuration(numWeights / rate)}`;
  const counts = [...formats].map(([name, count]) => `${formatCount(count)} matrices in ${name}`);
  return [
    `${options.model}: ${options.scheme} by ${options.method}, as ${options.format}`,
    `  weights   ${counts.join(', ')}`,
    `  size      ${formatBytes(sourceBytes)} become ${formatBytes(outputBytes)}; ${formatBytes(await freeBytes(out))} are free`,
    `  memory    ${formatBytes(peakBytes)} beside the process’s own`,
    `  time      ${time}`,
    ...exceptions.map(({ tensor, note }) => `  ${tensor}: ${note}`),
  ];
}

function told(flight: Preflight): object {
  return { ...flight, formats: Object.fromEntries(flight.formats) };
}

function resultLines(out: string, { outputBytes, sha256, timing }: QuantizationReport): string[] {
  return [
    `${out}: ${formatBytes(outputBytes)} in ${formatDuration(timing.seconds)}, SHA-256 ${sha256}`,
    `${join(out, 'quantization-report.md')} tells of every tensor`,
  ];
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
