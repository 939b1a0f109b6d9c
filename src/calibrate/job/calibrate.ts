import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { checkHardware, cpuBackend, webgpuBackend } from '../../engine/backend.js';
import type { ModelConfig } from '../../model/config.js';
import { namesIn } from '../../model/prefix.js';
import type { Ops } from '../../ops/ops.js';
import type { WeightFormat } from '../../quant/weight.js';
import type { StepOptions } from '../activation-steps.js';
import { findFolds } from '../find-folds.js';
import { foldedSource } from '../folded-source.js';
import { foldsOf } from '../folds.js';
import { InputGatherer } from '../gather.js';
import { type Matrix, measureSensitivity } from '../sensitivity.js';
import { keptFolds } from './fold-file.js';
import type { FoldChoice } from './methods.js';
import type { Inputs } from './run.js';

/** A model, the text that it runs on, and where. */
export interface Calibrated {
  readonly checkpoint: Checkpoint;
  readonly config: ModelConfig;
  /** Token ids of each sample. */
  readonly samples: readonly (readonly number[])[];
  /** As the engine's. */
  readonly device: string;
  readonly requireGpu: boolean;
}

/** Tells of the inputs of matrices. Samples run in f32, so that what is known is of the model and not of the arithmetic. */
export function openInputs(
  { device, requireGpu, ...calibrated }: Calibrated,
  withHessian: boolean,
  steps: StepOptions | null = null,
): Inputs & { close(): void } {
  const options = { ...calibrated, withHessian, steps };
  if (device === 'cpu') return new InputGatherer({ ...options, openOps: openCpu(requireGpu) });
  return new InputGatherer({ ...options, openOps: openWebgpu(device, requireGpu) });
}

const openCpu = (requireGpu: boolean) => async () => {
  if (requireGpu) checkHardware({ name: 'cpu', software: true });
  return cpuBackend().ops;
};
const openWebgpu = (device: string, requireGpu: boolean) => async () =>
  (await webgpuBackend({ computeType: 'float32', batchInvariant: false, device, requireGpu })).ops;

/** What `measureSensitivity` finds. */
export async function sensitivityOf(
  { device, requireGpu, ...calibrated }: Calibrated,
  matrices: readonly Matrix[],
  onMatrix: () => void,
): Promise<readonly (readonly number[])[]> {
  const measure = async <B>(openOps: () => Promise<Ops<B>>) => {
    const { checkpoint, config } = calibrated;
    const inputs = new InputGatherer({ ...calibrated, withHessian: true, openOps });
    const { numLayers, hiddenSize } = config;
    try {
      return await measureSensitivity({ checkpoint, inputs, matrices, numLayers, hiddenSize, onMatrix });
    } finally {
      inputs.close();
    }
  };
  return device === 'cpu' ? measure(openCpu(requireGpu)) : measure(openWebgpu(device, requireGpu));
}

/** A checkpoint of the same model that holds folds, found anew or by an earlier run of the job whose folder `dir` is. */
export async function foldModel(
  calibrated: Calibrated,
  choice: FoldChoice,
  format: WeightFormat,
  dir: string,
  fingerprint: string,
): Promise<Checkpoint> {
  const { checkpoint, config } = calibrated;
  const folds = await keptFolds(dir, fingerprint, async () => {
    const inputs = openInputs(calibrated, choice.withHessian);
    try {
      return await findFolds({
        checkpoint,
        folds: foldsOf({ ...config, weights: namesIn(checkpoint.tensors, config) }),
        statsOf: (tensor) => inputs.statsOf(tensor),
        scales: choice.scales(format),
        ...(choice.kinds === undefined ? {} : { kinds: choice.kinds }),
      });
    } finally {
      inputs.close();
    }
  });
  return foldedSource(checkpoint, folds, config.normOffset);
}
