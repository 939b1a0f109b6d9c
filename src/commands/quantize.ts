import { basename, join } from 'node:path';
import { type CalibrationText, cutSamples } from '../calibrate/calibration-text.js';
import { foldModel, openInputs } from '../calibrate/job/calibrate.js';
import { parseKeep } from '../calibrate/job/keep.js';
import { type MethodChoice, needsText, parseMethod } from '../calibrate/job/methods.js';
import { checkOutput, freeBytes, partialOf, preparePartial, takenBytes } from '../calibrate/job/outputs.js';
import { type JobPlan, type PlanOptions, planJob } from '../calibrate/job/plan.js';
import { measureRate, type Preflight, preflight } from '../calibrate/job/preflight.js';
import { fingerprintOf, quantizeModel } from '../calibrate/job/quantize.js';
import type { QuantizationReport, ReportOptions } from '../calibrate/job/report.js';
import type { JobProgress } from '../calibrate/job/run.js';
import { parseScheme } from '../calibrate/job/schemes.js';
import type { MatrixMethod } from '../calibrate/method.js';
import { isGguf } from '../checkpoint/gguf/header.js';
import { type ModelCheckpoint, openModelCheckpoint } from '../checkpoint/quantized/quantized.js';
import type { FileFormat } from '../checkpoint/write/format.js';
import { FILE_FORMATS, usualFileFormat } from '../checkpoint/write/formats.js';
import { parseLine, type Values } from '../config.js';
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
  readonly planOptions: PlanOptions;
  readonly plan: JobPlan;
  readonly file: FileFormat;
  readonly choice: MethodChoice;
  readonly method: MatrixMethod;
  readonly options: ReportOptions;
  readonly version: string;
  readonly startMs: number;
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
  const startMs = performance.now();
  const choice = parseMethod(values.method);
  if (values.calibration.length > 0 && !needsText(choice))
    throw new UserError(`--calibration: ${choice.name} needs no text; see --method`);
  const file = FILE_FORMATS.get(values.format) ?? usualFileFormat(scheme.format);
  const config = await parseModelConfig(modelDir);
  const planOptions = {
    scheme,
    file,
    keep: values.keep.map(parseKeep),
    maxShardBytes: values['max-shard-size'] ?? MAX_SHARD_BYTES,
    actOrder: choice.actOrder,
  };
  const options = {
    model: modelName(modelDir),
    scheme: scheme.name,
    method: choice.name,
    format: file.name,
    keep: values.keep,
  };
  return {
    modelDir,
    out,
    checkpoint,
    config,
    planOptions,
    plan: planJob(config, checkpoint, planOptions),
    file,
    choice,
    method: choice.method,
    options,
    version: packageVersion(),
    startMs,
    calibration: needsText(choice) ? await calibrationText(modelDir, config, values) : null,
  };
}

async function quantize(prepared: Prepared, values: QuantizeValues): Promise<QuantizationReport> {
  const { out } = prepared;
  const display = showProgress();
  try {
    const dir = await preparePartial(out, values.overwrite);
    return await calibrateAndWrite(prepared, values.device, dir, (progress) =>
      display.update(shown(progress)),
    );
  } catch (error) {
    throw fileProblem('OUT', `${partialOf(out)} (the same command goes on where it is)`, error);
  } finally {
    display.stop();
  }
}

async function calibrateAndWrite(
  prepared: Prepared,
  device: QuantizeValues['device'],
  dir: string,
  onProgress: (progress: JobProgress) => void,
): Promise<QuantizationReport> {
  const { calibration, checkpoint, choice, config, planOptions, method } = prepared;
  const fingerprint = await fingerprintOf(prepared);
  const request = { ...prepared, fingerprint, onProgress, inputs: null };
  if (calibration === null) return quantizeModel(request);
  const calibrated = { checkpoint, config, samples: calibration.samples, device };
  const { folds } = choice;
  const { format } = planOptions.scheme;
  const source = folds === null ? checkpoint : await foldModel(calibrated, folds, format, dir, fingerprint);
  const plan = planJob(config, source, planOptions);
  if (method.needs === 'nothing') return quantizeModel({ ...request, checkpoint: source, plan });
  const inputs = openInputs({ ...calibrated, checkpoint: source }, method.needs === 'hessian');
  try {
    return await quantizeModel({ ...request, checkpoint: source, plan, inputs });
  } finally {
    inputs.close();
  }
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

/** Throws UserError where the disk has no room beside what an earlier run has written. */
async function checkSpace(out: string, outputBytes: number): Promise<void> {
  const needed = outputBytes - (await takenBytes(partialOf(out)));
  const free = await freeBytes(out);
  if (free >= needed) return;
  throw new UserError(
    `OUT: ${out}: takes ${formatBytes(needed)} more, but ${formatBytes(free)} are free there`,
  );
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
