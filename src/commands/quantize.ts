import { basename, join } from 'node:path';
import type { StepOptions } from '../calibrate/activation-steps.js';
import { type CalibrationText, cutSamples } from '../calibrate/calibration-text.js';
import { type Calibrated, foldModel, openInputs } from '../calibrate/job/calibrate.js';
import {
  type CalibrationBytes,
  calibrationBytes,
  NO_CALIBRATION,
} from '../calibrate/job/calibration-bytes.js';
import { type MethodChoice, needsText, parseMethod } from '../calibrate/job/methods.js';
import { type Mixing, mixingOf, planMixed } from '../calibrate/job/mixed.js';
import {
  checkOutput,
  freeBytes,
  partialOf,
  preparePartial,
  recover,
  takenBytes,
  whileLocked,
} from '../calibrate/job/outputs.js';
import type { PlanOptions } from '../calibrate/job/plan.js';
import { measureRate, type Preflight, preflight } from '../calibrate/job/preflight.js';
import { fingerprintOf, quantizeModel } from '../calibrate/job/quantize.js';
import type { QuantizationReport, ReportOptions } from '../calibrate/job/report.js';
import type { JobProgress } from '../calibrate/job/run.js';
import { isStatic } from '../calibrate/job/schemes.js';
import type { Planned, Target } from '../calibrate/job/target.js';
import { DEFAULT_RANGE, parseRange } from '../calibrate/range.js';
import { isGguf } from '../checkpoint/gguf/header.js';
import { type ModelCheckpoint, openModelCheckpoint } from '../checkpoint/quantized/quantized.js';
import { parseLine } from '../config.js';
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
import { filesFor, type QuantizeValues } from './quantize-files.js';
import { budgetLine, parseSize, type SizedFlight, withBudget } from './quantize-target.js';
import { packageVersion } from './version.js';

/** A job that is decided, but not begun. */
interface Prepared {
  readonly modelDir: string;
  readonly out: string;
  readonly checkpoint: ModelCheckpoint;
  readonly target: Target;
  readonly planned: Planned;
  readonly choice: MethodChoice;
  readonly options: ReportOptions;
  readonly version: string;
  readonly startMs: number;
  readonly config: ModelConfig;
  readonly calibration: CalibrationText | null;
  /** null where all matrices get the same format. */
  readonly mixing: Mixing | null;
  /** null where activations have no static scales. */
  readonly steps: StepOptions | null;
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
  await recover(out);
  await checkOutput(modelDir, out, values.overwrite);
  const checkpoint = await openModelCheckpoint(modelDir);
  try {
    const prepared = await prepare(modelDir, out, checkpoint, values);
    const { planned, target, mixing } = prepared;
    const flight = withBudget(preflight(planned.plan, target.method, bytesOfText(prepared)), mixing);
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
  const startMs = performance.now();
  const choice = parseMethod(values.method);
  const config = await parseModelConfig(modelDir);
  const { target, planOptions, ...written } = filesFor(modelDir, config, choice, values);
  const steps = stepOptions(planOptions, values);
  const isCalibrated = parseSize(values) !== null || needsText(choice) || steps !== null;
  if (values.calibration.length > 0 && !isCalibrated)
    throw new UserError(`--calibration: ${choice.name} needs no text; see --method`);
  const planned = await target.plan(checkpoint);
  const size = parseSize(values);
  const mixing =
    size === null || planOptions === null ? null : mixingOf(config, planned.plan, planOptions, size);
  const options = { model: modelName(modelDir), method: choice.name, keep: values.keep, ...written };
  return {
    modelDir,
    out,
    checkpoint,
    config,
    target,
    planned,
    mixing,
    steps,
    choice,
    options:
      steps === null ? options : { ...options, activationRange: values['activation-range'] ?? DEFAULT_RANGE },
    version: packageVersion(),
    startMs,
    calibration: isCalibrated ? await calibrationText(modelDir, config, values) : null,
  };
}

/** Throws UserError for a range where activations have none. */
function stepOptions(
  plan: PlanOptions | null,
  { 'activation-range': range }: QuantizeValues,
): StepOptions | null {
  if (plan !== null && isStatic(plan.scheme))
    return { rule: parseRange(range ?? DEFAULT_RANGE), withOutputs: plan.scheme.activations === 'integer' };
  if (range === null) return null;
  throw new UserError('--activation-range: is of static scales; take --scheme w8a8-static or w8a8-integer');
}

async function quantize(prepared: Prepared, values: QuantizeValues): Promise<QuantizationReport> {
  const { out } = prepared;
  const display = showProgress();
  try {
    return await whileLocked(out, async (signal) => {
      const dir = await preparePartial(out, values.overwrite);
      return calibrateAndWrite(prepared, values, dir, (progress) => {
        signal.throwIfAborted();
        display.update(progress);
      });
    });
  } catch (error) {
    throw fileProblem('OUT', `${partialOf(out)} (the same command goes on where it is)`, error);
  } finally {
    display.stop();
  }
}

async function calibrateAndWrite(
  prepared: Prepared,
  { device, 'require-gpu': requireGpu }: QuantizeValues,
  dir: string,
  show: (progress: Progress) => void,
): Promise<QuantizationReport> {
  const { calibration, checkpoint, choice, config, target } = prepared;
  const { file, method } = target;
  const fingerprint = await fingerprintOf({ ...prepared, file, method, plan: prepared.planned.plan });
  const onProgress = (progress: JobProgress) => show(shown(progress));
  const request = { ...prepared, file, method, fingerprint, onProgress, inputs: null };
  if (calibration === null) return quantizeModel({ ...request, ...prepared.planned });
  const calibrated = { checkpoint, config, samples: calibration.samples, device, requireGpu };
  const { folds } = choice;
  const source =
    folds === null ? checkpoint : await foldModel(calibrated, folds, target.format, dir, fingerprint);
  const planned = await planFor(prepared, { ...calibrated, checkpoint: source }, { dir, fingerprint, show });
  const { steps } = prepared;
  if (method.needs === 'nothing' && steps === null) return quantizeModel({ ...request, ...planned });
  const inputs = openInputs({ ...calibrated, checkpoint: source }, method.needs === 'hessian', steps);
  try {
    return await quantizeModel({ ...request, ...planned, inputs: planned.inputsOf(inputs) });
  } finally {
    inputs.close();
  }
}

/** Folds may have changed the checkpoint. */
async function planFor(
  { target, planned, mixing }: Prepared,
  calibrated: Calibrated,
  { show, ...place }: { dir: string; fingerprint: string; show: (progress: Progress) => void },
): Promise<Planned> {
  const again =
    planned.checkpoint === calibrated.checkpoint ? planned : await target.plan(calibrated.checkpoint);
  if (mixing === null) return again;
  const total = mixing.choices.length;
  let done = 0;
  const onMatrix = () => show({ stage: 'matrices', done: done++, total });
  return { ...again, plan: await planMixed(calibrated, mixing, { ...place, onMatrix }) };
}

function bytesOfText({
  checkpoint,
  config,
  calibration,
  target,
  choice,
  mixing,
}: Prepared): CalibrationBytes {
  if (calibration === null) return NO_CALIBRATION;
  const withHessian =
    target.method.needs === 'hessian' || choice.folds?.withHessian === true || mixing !== null;
  return calibrationBytes(checkpoint, config, calibration.samples, withHessian);
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
  { planned: { checkpoint, plan, notes }, target: { method }, mixing, options, out }: Prepared,
  flight: SizedFlight,
): Promise<string[]> {
  const { sourceBytes, outputBytes, peakBytes, deviceBytes, numWeights, formats, exceptions } = flight;
  const rate = await measureRate(checkpoint, plan, method);
  const time = rate === null ? 'shown when a layer is done' : `about ${formatDuration(numWeights / rate)}`;
  const counts = [...formats].map(([name, count]) => `${formatCount(count)} matrices in ${name}`);
  return [
    `${options.model}: ${options.scheme} by ${options.method}, as ${options.format}`,
    `  weights   ${counts.length === 0 ? 'floats alone' : counts.join(', ')}`,
    ...(mixing === null ? [] : [`  budget    ${budgetLine(mixing.budget)}`]),
    `  size      ${formatBytes(sourceBytes)} become ${formatBytes(outputBytes)}; ${formatBytes(await freeBytes(out))} are free`,
    `  memory    ${formatBytes(peakBytes)} beside the process’s own${deviceBytes === 0 ? '' : `, ${formatBytes(deviceBytes)} of the device`}`,
    `  time      ${time}`,
    ...notes.map((note) => `  ${note}`),
    ...exceptionLines(exceptions),
  ];
}

/** Tensors that differ in numbers alone, of layers and experts, have one line where the same is done with them. */
function exceptionLines(exceptions: Preflight['exceptions']): string[] {
  const counts = new Map<string, number>();
  for (const { tensor, note } of exceptions) {
    const line = `${tensor.replace(/\.\d+(?=\.)/g, '.*')}: ${note}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => `  ${count === 1 ? '' : `${formatCount(count)} × `}${line}`);
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
