import { join } from 'node:path';
import { type Checkpoint, openSafetensors } from '../checkpoint/checkpoint.js';
import { readJson } from '../checkpoint/json.js';
import { CheckpointError } from '../errors.js';

/** An adapter as PEFT saves it: `adapter_config.json` and `adapter_model.safetensors`. */
export interface LoraAdapter {
  /** The folder, for errors. */
  readonly dir: string;
  readonly checkpoint: Checkpoint;
  /** What B·A of a module is multiplied with. */
  readonly scaleOf: (module: string, rank: number) => number;
}

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

/** Opens an adapter. Throws CheckpointError where it is none, or more than low-rank factors of matrices. */
export async function openAdapter(dir: string): Promise<LoraAdapter> {
  const file = join(dir, CONFIG);
  const config = asObject(await readJson(file), file);
  for (const [field, allowed] of PLAIN) {
    const value = config[field] ?? allowed[0];
    const isPlain = allowed.some((one) => JSON.stringify(one) === JSON.stringify(value));
    if (!isPlain)
      throw new CheckpointError(file, field, `${JSON.stringify(value)} cannot be used; ${remedy(allowed)}`);
  }
  const scaleOf = readScale(config, file);
  return { dir, checkpoint: await openSafetensors(join(dir, WEIGHTS)), scaleOf };
}

/** Fields and the values that they may have; the first where they are absent. */
const PLAIN: readonly (readonly [string, readonly unknown[]])[] = [
  ['peft_type', [undefined, 'LORA']],
  ['bias', ['none']],
  ['use_dora', [false]],
  ['modules_to_save', [null, []]],
  ['trainable_token_indices', [null, []]],
  ['lora_bias', [false]],
  ['target_parameters', [null, []]],
];

function remedy(allowed: readonly unknown[]): string {
  return `it must be ${allowed
    .filter((one) => one !== undefined)
    .map((one) => JSON.stringify(one))
    .join(' or ')}`;
}

/** lora_alpha / r, or / √r with use_rslora; `alpha_pattern` has modules of their own. */
function readScale(config: Readonly<Record<string, unknown>>, file: string): LoraAdapter['scaleOf'] {
  const { lora_alpha: alpha, use_rslora } = config;
  const common = asNumber(alpha, file, 'lora_alpha');
  const patterns = Object.entries(asObject(config.alpha_pattern ?? {}, file, 'alpha_pattern')).map(
    ([pattern, own]) => ({ pattern, alpha: asNumber(own, file, `alpha_pattern.${pattern}`) }),
  );
  return (module, rank) => {
    const own = patterns.find(({ pattern }) => matches(pattern, module))?.alpha ?? common;
    return own / (use_rslora === true ? Math.sqrt(rank) : rank);
  };
}

/** As PEFT has it: the pattern is the end of the module's path. */
function matches(pattern: string, module: string): boolean {
  return module === pattern || module.endsWith(`.${pattern}`);
}

function asNumber(value: unknown, file: string, field: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new CheckpointError(file, field, 'must be a number');
}

function asObject(value: unknown, file: string, field = 'JSON'): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new CheckpointError(file, field, 'must be an object');
}
