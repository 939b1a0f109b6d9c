import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { SizingOps } from '../../engine/sizing-ops.js';
import type { ModelConfig } from '../../model/config.js';
import { layerStacks } from '../../model/layer-stacks.js';
import { namesIn } from '../../model/prefix.js';
import { layerMatrixBytes } from '../../model/weight-bytes.js';
import { GramSums } from '../gram-sums.js';
import { LayerRun } from '../layer-run.js';

/** What running the calibration text takes at most. */
export interface CalibrationBytes {
  /** The residual streams of all samples, before a layer and after it; and what is read from the device at once. */
  readonly host: number;
  /** The embedding, or the largest layer as it is and as it becomes; one sample on its way through it; the sums that Hessians are made of; and what is read. */
  readonly device: number;
}

/** Of a job that runs no text. */
export const NO_CALIBRATION: CalibrationBytes = { host: 0, device: 0 };

/** @param samples token ids of each */
export function calibrationBytes(
  checkpoint: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  samples: readonly (readonly number[])[],
  withHessian: boolean,
): CalibrationBytes {
  const sizes = samples.map(({ length }) => length);
  const numTokens = sizes.reduce((sum, size) => sum + size, 0);
  const longest = Math.max(...sizes);
  const ops = new SizingOps('f32');
  new LayerRun(ops, config, longest);
  const widths = inputSizes(config);
  const sums = withHessian ? widths.map((cols) => new GramSums(ops, cols)) : [];
  const read = Math.max(4 * longest * Math.max(...widths), ...sums.map(({ readBytes }) => readBytes));
  return {
    host: 2 * 4 * numTokens * config.hiddenSize + read,
    device: ops.bytes + layerBytes(checkpoint, config) + read,
  };
}

/** The embedding, or the largest layer twice. */
function layerBytes({ tensors }: Pick<Checkpoint, 'tensors'>, config: ModelConfig): number {
  const layers = layerMatrixBytes({ tensors }, config, null).map((layer) =>
    [...layer.values()].reduce((sum, bytes) => sum + bytes, 0),
  );
  const tableBytes = tensors.get(namesIn(tensors, config).embedding)?.bytes ?? 0;
  return Math.max(tableBytes, 2 * Math.max(...layers));
}

/** Columns of the products of a layer, each once: products of as many share their sums. */
function inputSizes(config: ModelConfig): readonly number[] {
  return [...new Set(Object.values(layerStacks(config, 0)).map(({ cols }) => cols))];
}
