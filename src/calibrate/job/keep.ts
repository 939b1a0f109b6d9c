import type { Dtype } from '../../checkpoint/dtypes.js';
import { UserError } from '../../errors.js';
import { moduleOf } from './modules.js';

/** Modules that are not quantized, and the type that they are held in. */
export interface KeepRule {
  readonly text: string;
  /** Matches a module's whole path. */
  readonly pattern: RegExp;
  /** null for the checkpoint's own. */
  readonly dtype: Extract<Dtype, 'F32' | 'F16' | 'BF16'> | null;
}

const TYPES: Readonly<Record<string, KeepRule['dtype']>> = { f32: 'F32', f16: 'F16', bf16: 'BF16' };

/** Reads `lm_head=f16` or `model.layers.0.*`, where `*` stands for any characters. Throws UserError. */
export function parseKeep(text: string): KeepRule {
  const [glob, type] = text.split('=');
  const dtype = type === undefined ? null : TYPES[type];
  if (glob === '' || dtype === undefined || text.split('=').length > 2)
    throw new UserError(
      `--keep: ${JSON.stringify(text)} is not a module, where * stands for any characters, with =f32, =f16, =bf16 or nothing after it`,
    );
  const parts = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return { text, pattern: new RegExp(`^${parts.join('.*')}$`), dtype };
}

/** The first rule for a tensor; null where there is none. */
export function ruleFor(rules: readonly KeepRule[], tensor: string): KeepRule | null {
  return rules.find(({ pattern }) => pattern.test(moduleOf(tensor))) ?? null;
}

/** Throws UserError for a rule that no tensor matches: it would keep nothing, in silence. */
export function checkRules(rules: readonly KeepRule[], tensors: readonly string[]): void {
  const idle = rules.find(({ pattern }) => !tensors.some((name) => pattern.test(moduleOf(name))));
  if (idle === undefined) return;
  const examples = tensors.slice(0, 3).map(moduleOf).join(', ');
  throw new UserError(`--keep: ${idle.text}: no module has such a path; there are ${examples}, …`);
}
