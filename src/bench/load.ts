import type { Backend } from '../engine/backend.js';
import type { ModelSource } from '../engine/device-model.js';
import { loadModel } from '../model/load.js';
import type { WeightFormat } from '../quant/weight.js';

export interface LoadFigures {
  /** Of the checkpoint's tensors, and of the largest of them. */
  readonly checkpointBytes: number;
  readonly largestTensorBytes: number;
  /** Of the weights on the device. */
  readonly deviceBytes: number;
  readonly seconds: number;
  /** Time of all threads on the host's cores, a software adapter's among them. */
  readonly cpuSeconds: number;
  readonly bytesPerSecond: number;
  /** Most memory that the process took beside what it had before, without the weights where the device's memory is the host's. */
  readonly hostBytes: number;
}

export interface LoadSettings {
  /** Format that the layers' matrices are rounded to; null keeps the checkpoint's. */
  readonly quantization: WeightFormat | null;
  readonly onBytes: (bytes: number) => void;
}

/** Loads a model's weights and nothing else, once: the most memory that a process took cannot be forgotten. */
export async function measureLoad<B>(
  { ops, adapter }: Backend<B>,
  { checkpoint, config }: ModelSource,
  { quantization, onBytes }: LoadSettings,
): Promise<LoadFigures> {
  const small = ops.tensor(1, 1, 'u32', 'activations');
  await ops.read(small, 1);
  const sizes = [...checkpoint.tensors.values()].map(({ bytes }) => bytes);
  const checkpointBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const rssBefore = process.memoryUsage().rss;
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const maxModelLen = Math.min(4096, config.maxPositionEmbeddings);
  await loadModel(ops, checkpoint, config, { quantization, maxModelLen, onBytes });
  // What was written is there when a later read is.
  await ops.read(small, 1);
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(startCpu);
  const grown = 1024 * process.resourceUsage().maxRSS - rssBefore;
  const deviceBytes = ops.memory().weights;
  return {
    checkpointBytes,
    largestTensorBytes: Math.max(0, ...sizes),
    deviceBytes,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    bytesPerSecond: checkpointBytes / seconds,
    hostBytes: Math.max(0, grown - (adapter.software ? deviceBytes : 0)),
  };
}
