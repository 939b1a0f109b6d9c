import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PageAssets } from './page.js';

/** Of the checkout, or of the published package. */
const ASSETS = fileURLToPath(new URL('../../../assets', import.meta.url));

/** Reads what pages take along. */
export async function readAssets(): Promise<PageAssets> {
  const library = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
  const read = (...path: readonly string[]) => readFile(join(...path), 'utf8');
  const [libraryScript, libraryStyle, libraryLicence, script, style] = await Promise.all([
    read(library, 'dist', 'uPlot.iife.min.js'),
    read(library, 'dist', 'uPlot.min.css'),
    read(library, 'LICENSE'),
    read(ASSETS, 'report.js'),
    read(ASSETS, 'report.css'),
  ]);
  return { libraryScript, libraryStyle, libraryLicence, script, style };
}
