import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { packGguf } from '../../checkpoint/write/gguf.js';
import type { ModelConfig } from '../../model/config.js';
import { ggufModel } from '../../model/gguf-model.js';
import type { WeightFormat } from '../../quant/weight.js';
import type { MatrixMethod } from '../method.js';
import { ggufInputs, ggufSource, planGguf } from './gguf-plan.js';
import type { GgufScheme } from './gguf-schemes.js';
import type { KeepRule } from './keep.js';
import { ggufMethod, type MethodChoice } from './methods.js';
import { type JobPlan, type PlanOptions, planJob } from './plan.js';
import type { Inputs, MatrixPacker } from './run.js';

/** A plan, and what its tasks are of. */
export interface Planned {
  readonly plan: JobPlan;
  readonly checkpoint: Checkpoint;
  /** What is known of inputs, by the names of the plan's tensors. */
  readonly inputsOf: (inputs: Inputs) => Inputs;
  /** What of the whole is otherwise than a reader may think; empty where nothing is. */
  readonly notes: readonly string[];
}

/** The kind of files that a job makes. */
export interface Target {
  readonly file: MatrixPacker;
  readonly method: MatrixMethod;
  /** That scales of folds are found for. */
  readonly format: WeightFormat;
  /** Rejects with UserError or CheckpointError where the model cannot become such files. */
  plan(checkpoint: Checkpoint): Promise<Planned>;
}

/** A folder of safetensors, as the model's own is. */
export function safetensorsTarget(config: ModelConfig, options: PlanOptions, method: MatrixMethod): Target {
  return {
    file: options.file,
    method,
    format: options.scheme.format,
    plan: async (checkpoint) => ({
      plan: planJob(config, checkpoint, options),
      checkpoint,
      inputsOf: (inputs) => inputs,
      notes: [],
    }),
  };
}

export interface GgufTargetOptions {
  readonly dir: string;
  readonly config: ModelConfig;
  readonly scheme: GgufScheme;
  readonly keep: readonly KeepRule[];
  readonly choice: MethodChoice;
  /** `general.name` */
  readonly name: string;
}

/** The format of one scale, and where the type has minimums a zero point, that is nearest to a mixture's own. */
function foldFormat({ type }: GgufScheme): WeightFormat {
  const bits = type === 'Q8_0' || type === 'Q6_K' ? 8 : 4;
  const zeroPoints = type === 'Q4_K' || type === 'Q5_K';
  return { reader: `int${bits}`, bits, groupSize: 32, scaleType: 'f16', zeroPoints };
}

/** One GGUF file. */
export function ggufTarget({ dir, config, scheme, keep, choice, name }: GgufTargetOptions): Target {
  const takesSupers = choice.blocks.search !== null;
  return {
    file: { pack: packGguf },
    method: ggufMethod(choice),
    format: foldFormat(scheme),
    plan: async (checkpoint) => {
      const model = await ggufModel(dir, config, checkpoint, name);
      return {
        plan: planGguf(config, model, { scheme, keep, takesSupers }),
        checkpoint: ggufSource(model.parts, checkpoint),
        inputsOf: (inputs) => ggufInputs(inputs, model.parts),
        notes: model.notes,
      };
    },
  };
}
