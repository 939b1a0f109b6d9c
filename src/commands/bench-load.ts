import { type LoadFigures, measureLoad } from '../bench/load.js';
import { withBackend } from '../engine/backend.js';
import { type ModelSource, openModelDirectory } from '../engine/device-model.js';
import type { LoadProgress } from '../engine/options.js';
import type { BenchReport, BenchValues } from './bench-report.js';
import { formatBytes } from './format.js';
import { engineOptions, findModel, quantizationFormat } from './model-options.js';
import { showProgress, whileLoading } from './progress.js';

/** How fast weights come from the disk to the device, and what that takes of the host's memory. */
export async function benchLoad(values: BenchValues, models: readonly string[]): Promise<BenchReport> {
  const modelDir = await findModel(models, values);
  const source = await openModelDirectory({ modelDir });
  try {
    const figures = await whileLoading(showProgress(), (report) => measure(modelDir, values, source, report));
    return { json: { model: modelDir, ...figures }, lines: [modelDir, ...loadLines(figures)] };
  } finally {
    await source.checkpoint.close();
  }
}

async function measure(
  modelDir: string,
  values: BenchValues,
  source: ModelSource,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadFigures> {
  const total = [...source.checkpoint.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const settings = {
    quantization: quantizationFormat(values.quantization),
    onBytes: (done: number) => onProgress({ stage: 'weights', done, total }),
  };
  return withBackend(engineOptions(modelDir, values), async (backend) => {
    const figures = await measureLoad(backend, source, settings);
    backend.ops.destroy();
    return figures;
  });
}

export function loadLines(figures: LoadFigures): readonly string[] {
  const { checkpointBytes, seconds, cpuSeconds, bytesPerSecond } = figures;
  const { deviceBytes, hostBytes, largestTensorBytes } = figures;
  return [
    `  ${formatBytes(checkpointBytes)} in ${seconds.toFixed(2)} s: ${formatBytes(bytesPerSecond)}/s; ${cpuSeconds.toFixed(2)} s of CPU time`,
    `  on the device ${formatBytes(deviceBytes)}`,
    `  host memory beside it, at most ${formatBytes(hostBytes)}; the largest tensor has ${formatBytes(largestTensorBytes)}`,
  ];
}
