import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { INDEX } from '../../checkpoint/directory.js';
import { openWeights } from '../../checkpoint/open.js';
import { LOCK_FILE } from '../../hub/lock.js';
import { parseModelConfig } from '../../model/config-parse.js';
import type { CalibrationText } from '../calibration-text.js';
import { FOLDS_FILE } from './fold-file.js';
import type { JournalEntry } from './journal.js';
import { FORMATS_FILE } from './mixed.js';
import {
  copyFiles,
  fileSha256,
  filesToCopy,
  GGUF_FILE,
  JOURNAL_FILE,
  partialOf,
  publish,
  REPORT,
  sampledSha256,
} from './outputs.js';
import {
  type OutputFile,
  type QuantizationReport,
  type ReportOptions,
  reportMarkdown,
  tensorReport,
} from './report.js';
import { type Job, runJob } from './run.js';

export interface QuantizeRequest extends Job {
  readonly modelDir: string;
  readonly out: string;
  readonly version: string;
  readonly options: ReportOptions;
  readonly calibration: CalibrationText | null;
  /** When the work began, by `performance.now()`. */
  readonly startMs: number;
  /** Of all that decides the output's bytes. */
  readonly fingerprint: string;
}

/** Makes a quantized checkpoint in a folder beside `out` that must exist, and gives it that name when it is whole. */
export async function quantizeModel(request: QuantizeRequest): Promise<QuantizationReport> {
  const { modelDir, out, plan } = request;
  const dir = partialOf(out);
  const entries = await runJob(request, dir, request.fingerprint);
  const { quantizationConfig } = plan;
  const copies = await filesToCopy(modelDir, quantizationConfig === null);
  await copyFiles(modelDir, dir, copies);
  const names = [...plan.shards.files.map(({ name }) => name), ...copies];
  if (quantizationConfig !== null) {
    await writeFile(join(dir, 'config.json'), await configText(modelDir, quantizationConfig));
    names.push('config.json');
  }
  const files = await hashFiles(dir, plan.shards.index === null ? names : [...names, INDEX]);
  const report = buildReport(request, entries, files, (performance.now() - request.startMs) / 1000);
  await writeFile(join(dir, `${REPORT}.json`), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(dir, `${REPORT}.md`), reportMarkdown(report));
  await checkReadable(quantizationConfig === null ? join(dir, GGUF_FILE) : dir);
  for (const name of [JOURNAL_FILE, FOLDS_FILE, FORMATS_FILE]) await rm(join(dir, name), { force: true });
  await publish(out);
  await rm(join(out, LOCK_FILE), { force: true });
  return report;
}

/** What our own reader refuses must not get its name. */
async function checkReadable(model: string): Promise<void> {
  await parseModelConfig(model);
  const checkpoint = await openWeights(model);
  await checkpoint.close();
}

/** Of all that decides the output's bytes. Of the source that is its configuration, and of its files sizes, times and samples. */
export async function fingerprintOf({
  modelDir,
  version,
  options,
  calibration,
  plan,
  checkpoint,
}: Omit<QuantizeRequest, 'fingerprint' | 'inputs' | 'onProgress' | 'startMs'>): Promise<string> {
  const parts = {
    version,
    options: { ...options, model: '' },
    calibration: calibration?.sha256 ?? null,
    config: await readFile(join(modelDir, 'config.json'), 'utf8'),
    files: await sourceFiles(checkpoint),
    outputs: plan.tasks.map(({ info, outputs }) => [info.name, info.offset, outputs]),
    headers: plan.shards.files.map(({ layout }) => createHash('sha256').update(layout.header).digest('hex')),
  };
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

async function sourceFiles({ tensors }: Checkpoint): Promise<readonly (readonly (number | string)[])[]> {
  const files = new Set([...tensors.values()].map(({ file }) => file));
  return Promise.all(
    [...files].map(async (file) => {
      const { size, mtimeMs } = await stat(file);
      return [size, mtimeMs, await sampledSha256(file, size)];
    }),
  );
}

/** What stands there stays as it is written, also numbers such as `1e-05` and `10000.0`. */
async function configText(modelDir: string, quantizationConfig: object): Promise<string> {
  const text = (await readFile(join(modelDir, 'config.json'), 'utf8')).trimEnd();
  const config = JSON.parse(text) as object;
  const added = { quantization_config: quantizationConfig };
  if ('quantization_config' in config) return `${JSON.stringify({ ...config, ...added }, null, 2)}\n`;
  return `${text.slice(0, -1).trimEnd()},${JSON.stringify(added, null, 2).slice(1)}\n`;
}

async function hashFiles(dir: string, names: readonly string[]): Promise<readonly OutputFile[]> {
  const files: OutputFile[] = [];
  for (const name of [...names].sort()) {
    const file = join(dir, name);
    files.push({ name, bytes: (await stat(file)).size, sha256: await fileSha256(file) });
  }
  return files;
}

function buildReport(
  { plan, version, options, calibration }: QuantizeRequest,
  entries: readonly JournalEntry[],
  files: readonly OutputFile[],
  seconds: number,
): QuantizationReport {
  const lines = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`);
  return {
    halflight: version,
    options,
    calibration: calibration === null ? null : sourceOf(calibration),
    sourceBytes: plan.tasks.reduce((sum, { info }) => sum + info.bytes, 0),
    outputBytes: plan.shards.totalBytes,
    sha256: createHash('sha256').update(lines.join('')).digest('hex'),
    files,
    tensors: plan.tasks.map((task, i) => tensorReport(task, entries[i], options.method)),
    timing: {
      node: process.versions.node,
      seconds,
      tensors: Object.fromEntries(entries.map((entry) => [entry.tensor, entry.seconds])),
    },
  };
}

function sourceOf({ files, numSamples, numTokens, sha256 }: CalibrationText) {
  return { files, numSamples, numTokens, sha256 };
}
