import { join } from 'node:path';
import type { Test } from 'tap';
import { runQuantize } from '#halflight/commands/quantize.js';
import { printed } from './commands.js';
import { temporaryFolder } from './models.js';

/** What `quantize --json` tells, as far as tests read it. */
export interface QuantizeReport {
  readonly sha256: string;
  readonly outputBytes: number;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** Of the calibration. */
export const SHORT = ['--calibration-samples', '2', '--calibration-length', '16'];

/** A path in which nothing is yet. */
export async function outIn(t: Test): Promise<string> {
  t.capture(process.stderr, 'write', () => true);
  return join(await temporaryFolder(t), 'out');
}

export const quantize = async (t: Test, ...args: string[]) =>
  JSON.parse(await printed(t, () => runQuantize([...args, '--json']))) as QuantizeReport;
