import type { Batch, Tensor } from '../ops/ops.js';
import { formatName } from '../quant/formats.js';
import { type Backend, cpuBackend, webgpuBackend } from './backend.js';
import { type DeviceModel, enqueueForward, loadDeviceModel } from './device-model.js';
import type { LoadedModel, ModelRunner } from './model-runner.js';
import type { EngineOptions, LoadProgress } from './options.js';
import type { EngineInfo } from './types.js';

/** Loads the model onto its device. Throws CheckpointError or UserError where it cannot be used. */
export async function createRunner(
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedModel> {
  if (options.device === 'cpu') return buildRunner(cpuBackend(), options, onProgress);
  return buildRunner(await webgpuBackend(options), options, onProgress);
}

async function buildRunner<B>(
  backend: Backend<B>,
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedModel> {
  const device = await loadDeviceModel(backend, options, options.maxNumSeqs, onProgress);
  const runner = new DeviceRunner(device);
  await runner.warmUp();
  return { runner, info: describe(device, options), eosTokenIds: device.model.config.eosTokenIds };
}

/** Runs batches: forward pass, sampling, and one readback of the sampled ids. */
class DeviceRunner<B> implements ModelRunner {
  readonly #device: DeviceModel<B>;
  /** `[logits][1]` u32. */
  readonly #sampled: Tensor<B>;

  constructor(device: DeviceModel<B>) {
    this.#device = device;
    this.#sampled = device.backend.ops.tensor(device.batch.capacity.maxLogits, 1, 'u32', 'activations');
  }

  get dispatchesPerStep(): number {
    return this.#device.backend.ops.dispatchesPerStep;
  }

  get lost(): Promise<Error> {
    return this.#device.backend.lost;
  }

  /** A step that yields no token waits for the device all the same, so that steps do not pile up. */
  async run(batch: Batch): Promise<Uint32Array> {
    const { ops } = this.#device.backend;
    const rows = batch.logitsRows.length;
    ops.writeBatch(this.#device.batch, batch);
    enqueueForward(this.#device, batch.numTokens, rows);
    if (rows > 0) this.#sample(rows);
    const ids = await ops.readIds(this.#sampled, Math.max(1, rows));
    return ids.subarray(0, rows);
  }

  async warmUp(): Promise<void> {
    const { ops } = this.#device.backend;
    await ops.prepare(() => this.#sample(1));
    this.#sample(1);
    await ops.readIds(this.#sampled, 1);
  }

  destroy(): void {
    this.#device.backend.ops.destroy();
  }

  #sample(rows: number): void {
    const { backend, batch, activations } = this.#device;
    backend.ops.sample({ batch, logits: activations.logits, out: this.#sampled, rows });
  }
}

function describe<B>({ backend, model, plan }: DeviceModel<B>, options: EngineOptions): EngineInfo {
  const { format } = model.layers[0].qkv.weight.parts[0];
  return {
    maxModelLen: plan.maxModelLen,
    maxNumSeqs: options.maxNumSeqs,
    blockSize: plan.blockSize,
    numBlocks: plan.numBlocks,
    adapter: backend.adapter,
    memory: backend.ops.memory(),
    weightFormat: formatName(format),
    computeType: backend.ops.computeType,
  };
}
