import { writeFile } from 'node:fs/promises';
import { readAssets } from '../bench/report/assets.js';
import { type ReportPage, reportHtml } from '../bench/report/page.js';
import { checkWritable, fileProblem } from './files.js';

/** Throws UserError where a file that a flag names cannot be written, before anything is measured. */
export async function checkOutputs(files: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [flag, file] of Object.entries(files)) if (file !== null) await checkWritable(flag, file);
}

/** Throws UserError. */
export async function saveText(flag: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw fileProblem(flag, file, error);
  }
}

export async function saveReport(file: string, page: ReportPage): Promise<void> {
  await saveText('--html', file, reportHtml(page, await readAssets()));
}
