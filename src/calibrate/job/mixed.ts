import { UserError } from '../../errors.js';
import type { ModelConfig } from '../../model/config.js';
import type { Matrix } from '../sensitivity.js';
import { type Budget, budgetOf, type Choices, choicesOf, chooseFormats, type SizeTarget } from './budget.js';
import { type Calibrated, sensitivityOf } from './calibrate.js';
import { keptResult } from './kept-file.js';
import { type FormatChoice, type JobPlan, type PlanOptions, planJob } from './plan.js';

export const FORMATS_FILE = 'quantization-formats.json';

/** What is to be decided: matrices and their formats, and what they may take. */
export interface Mixing {
  readonly choices: readonly Choices[];
  readonly budget: Budget;
  readonly options: PlanOptions;
}

/** Throws UserError where nothing can be chosen, or the target is too small. @param plan with the same format for all */
export function mixingOf(
  config: ModelConfig,
  plan: JobPlan,
  options: PlanOptions,
  target: SizeTarget,
): Mixing {
  if (config.experts !== null)
    throw new UserError(
      `--target-${target.unit === 'bits' ? 'bits' : 'size'}: not for models with experts: what each costs is not measured`,
    );
  const choices = choicesOf(plan, options.file);
  return { choices, budget: budgetOf(target, choices, plan), options };
}

/** A plan in which each matrix has the format that costs the least within the budget. What matrices cost is measured once for a job. */
export async function planMixed(
  calibrated: Calibrated,
  { choices, budget, options }: Mixing,
  { dir, fingerprint, onMatrix }: { dir: string; fingerprint: string; onMatrix: () => void },
): Promise<JobPlan> {
  const matrices = choices.map(matrixOf);
  const costs = await keptResult(dir, FORMATS_FILE, fingerprint, () =>
    sensitivityOf(calibrated, matrices, onMatrix),
  );
  const { config, checkpoint } = calibrated;
  let allowed = budget.bytes;
  for (;;) {
    const chosen = chooseFormats(choices, costs, allowed);
    const formats: ReadonlyMap<string, FormatChoice> = new Map(
      chosen.map((choice) => [choice.tensor, choice]),
    );
    const plan = planJob(config, checkpoint, { ...options, formats });
    const excess = budget.target.unit === 'bytes' ? plan.shards.totalBytes - budget.target.amount : 0;
    // Headers of files tell where each tensor lies, so they differ by a few bytes.
    if (excess <= 0 || allowed <= budget.least) return plan;
    allowed = Math.max(budget.least, allowed - excess);
  }
}

function matrixOf({ tensor, layer, isTransposed, spec, ways }: Choices): Matrix {
  const { rows, cols, isTable = false } = spec;
  return { tensor, layer, rows, cols, isTransposed, isTable, formats: ways.map(({ format }) => format) };
}
