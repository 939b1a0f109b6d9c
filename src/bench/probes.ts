import { checkHardware } from '../engine/backend.js';
import type { EngineOptions } from '../engine/options.js';
import {
  type AdapterSummary,
  openDevice,
  openGpu,
  requestAdapter,
  summarizeAdapter,
} from '../webgpu/adapter.js';
import { BufferPool } from '../webgpu/buffers.js';
import { type TimingOptions, timesOnDevice } from '../webgpu/device-time.js';
import { Doze } from '../webgpu/doze.js';
import { Params } from '../webgpu/params.js';
import { PassClock } from '../webgpu/pass-clock.js';
import type { PipelineSpec } from '../webgpu/pipelines.js';
import { Readback } from '../webgpu/readback.js';
import { type Dispatch, Recorder } from '../webgpu/recorder.js';
import { type SubgroupMatrix, tuningFor } from '../webgpu/tuning.js';

/** What an adapter reaches where nothing stands in its way: the rates that kernels are held against. */
export interface AdapterRates {
  /** Bytes per second of a copy from storage to storage, read and written ones both counted. */
  readonly copyBytesPerSecond: number;
  /** Bytes of the copied buffer. */
  readonly copiedBytes: number;
  /** Multiply-adds per second in f32, operands in registers. */
  readonly fmasPerSecond: number;
  /** The same of subgroup matrices, f16 with sums in f32; null where products take none. */
  readonly matrixFmasPerSecond: number | null;
  /** Time that a dispatch of almost no work takes after another that it waits for. */
  readonly dispatchMicroseconds: number;
}

/** Multiply-adds per second that products of that type can reach. */
export function peakFmas(
  { fmasPerSecond, matrixFmasPerSecond }: AdapterRates,
  computeType: 'f32' | 'f16',
): number {
  return computeType === 'f16' ? Math.max(fmasPerSecond, matrixFmasPerSecond ?? 0) : fmasPerSecond;
}

const LANES = 256;
const VECTOR_BYTES = 16;
/** `COPIES` of probe_copy.wgsl. */
const COPIES = 4;
/** Multiply-adds of a lane in a turn: 8 · `UNROLLED` of probe_fma.wgsl. */
const FMAS_PER_TURN = 128;

/** Far beyond the caches of most GPUs; a software adapter has no such caches and needs time for each byte. */
const COPY_BYTES = { hardware: 2 ** 28, software: 2 ** 26 } as const;
/** More lanes than any adapter runs at once, except where few are already too many. */
const FMA_GROUPS = { hardware: 8192, software: 64 } as const;
const FMA_TURNS = 64;
/** Products of matrices in a turn: `CHAINS` · `UNROLLED` of probe_mma.wgsl. */
const PRODUCTS_PER_TURN = 16;

/** The pipelines of the probes that every adapter runs. */
export const PROBES = {
  copy: { kernel: 'probe_copy', weight: null, types: {}, constants: { LANES } },
  fma: { kernel: 'probe_fma', weight: null, types: {}, constants: { LANES } },
} as const satisfies Record<string, PipelineSpec>;

/** A workgroup is one subgroup. */
export function matrixProbe({ m, n, k, maxLanes }: SubgroupMatrix): PipelineSpec {
  const constants = { LANES: maxLanes };
  return { kernel: 'probe_mma', weight: null, types: { X: 'f16' }, constants, matrix: { m, n, k } };
}

export interface MeasuredAdapter {
  readonly adapter: AdapterSummary;
  readonly rates: AdapterRates;
}

/** The adapter that engines with these options run on, measured on a device of its own. Throws UserError where there is none, or where it is no GPU and must be one. */
export async function measureAdapter(
  timing: TimingOptions,
  { device: wanted, requireGpu }: Pick<EngineOptions, 'device' | 'requireGpu'>,
): Promise<MeasuredAdapter> {
  const gpuAdapter = await requestAdapter(openGpu(), wanted);
  const adapter = summarizeAdapter(gpuAdapter);
  if (requireGpu) checkHardware(adapter);
  const device = await openDevice(gpuAdapter);
  try {
    return { adapter, rates: await measureRates(device, adapter.software, timing) };
  } finally {
    device.destroy();
  }
}

/** Measures the device. What it takes of memory is free again when it resolves. */
export async function measureRates(
  device: GPUDevice,
  software: boolean,
  timing: TimingOptions,
): Promise<AdapterRates> {
  const bench = new ProbeBench(device, timing);
  const kind = software ? 'software' : 'hardware';
  try {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    return {
      ...(await bench.copyRate(Math.min(COPY_BYTES[kind], maxStorageBufferBindingSize, maxBufferSize))),
      fmasPerSecond: await bench.fmaRate(FMA_GROUPS[kind]),
      matrixFmasPerSecond: await bench.matrixRate(FMA_GROUPS[kind], tuningFor(device).subgroupMatrix),
      dispatchMicroseconds: await bench.dispatchMicroseconds(),
    };
  } finally {
    bench.destroy();
  }
}

class ProbeBench {
  readonly #buffers: BufferPool;
  readonly #recorder: Recorder;
  readonly #readback: Readback;
  readonly #timing: TimingOptions;

  constructor(device: GPUDevice, timing: TimingOptions) {
    const clock = PassClock.of(device);
    this.#buffers = new BufferPool(device);
    this.#recorder = new Recorder(device, this.#buffers, clock);
    this.#readback = new Readback(device, this.#recorder, clock, new Doze(tuningFor(device).dozeMs));
    this.#timing = timing;
  }

  /** Of as many bytes below `maxBytes` as whole workgroups copy. */
  async copyRate(maxBytes: number): Promise<Pick<AdapterRates, 'copyBytesPerSecond' | 'copiedBytes'>> {
    const groups = Math.floor(maxBytes / (LANES * COPIES * VECTOR_BYTES));
    const copiedBytes = groups * LANES * COPIES * VECTOR_BYTES;
    const [from, to] = [0, 1].map(() => this.#buffers.storage(copiedBytes, 'activations'));
    const ms = await this.#time(to, {
      spec: PROBES.copy,
      buffers: [from, to],
      weight: [],
      params: new Params().u32(groups * LANES).words,
      grid: [groups, 1, 1],
    });
    return { copiedBytes, copyBytesPerSecond: (2 * copiedBytes * 1000) / ms };
  }

  async fmaRate(groups: number): Promise<number> {
    return (groups * LANES * FMA_TURNS * FMAS_PER_TURN * 1000) / (await this.#fmaMs(groups, FMA_TURNS));
  }

  async matrixRate(groups: number, size: SubgroupMatrix | null): Promise<number | null> {
    if (size === null) return null;
    const { m, n, k, maxLanes } = size;
    const out = this.#buffers.storage(4 * groups * maxLanes, 'activations');
    const ms = await this.#time(out, {
      spec: matrixProbe(size),
      buffers: [out],
      weight: [],
      params: new Params().u32(FMA_TURNS).words,
      grid: [groups, 1, 1],
    });
    return (groups * FMA_TURNS * PRODUCTS_PER_TURN * m * n * k * 1000) / ms;
  }

  /** Each writes what the one before wrote, so none begins before that has ended. */
  async dispatchMicroseconds(): Promise<number> {
    return 1000 * (await this.#fmaMs(1, 1));
  }

  #fmaMs(groups: number, turns: number): Promise<number> {
    const out = this.#buffers.storage(4 * groups * LANES, 'activations');
    return this.#time(out, {
      spec: PROBES.fma,
      buffers: [out],
      weight: [],
      // Values tend to 1: they neither overflow nor become denormal.
      params: new Params().u32(turns).f32(0.99, 0.01).words,
      grid: [groups, 1, 1],
    });
  }

  destroy(): void {
    this.#readback.destroy();
    this.#buffers.destroy();
  }

  /** ms of the fastest measurement: what slows others down says nothing of the adapter. */
  async #time(out: GPUBuffer, dispatch: Dispatch): Promise<number> {
    await this.#recorder.prepare(() => this.#recorder.add(dispatch));
    const finish = async () => (await this.#readback.read(out, 4)).gpuMs;
    return Math.min(...(await timesOnDevice(() => this.#recorder.add(dispatch), finish, this.#timing)));
  }
}
