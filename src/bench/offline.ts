import type { Engine, EngineStats } from '../engine/types.js';
import type { ModelConfig } from '../model/config.js';
import { activeShare, linearShapes } from './linear-cases.js';
import { type AdapterRates, peakFmas } from './probes.js';
import { medianOf, type StepLog, stepTimes } from './steps.js';
import { generateGreedily, promptOf } from './throughput.js';

export interface OfflineOptions {
  readonly batchSize: number;
  readonly inputLen: number;
  readonly outputLen: number;
}

/** What bounds a step, for the comparison with what was measured. */
export interface Roofline {
  readonly rates: AdapterRates;
  readonly computeType: 'f32' | 'f16';
  readonly config: ModelConfig;
  /** Bytes of weights that every decode step reads, and of those that it reads only of the experts that its tokens go to. */
  readonly stepWeightBytes: number;
  readonly expertBytes: number;
  /** Bytes of K and V of one token in all layers. */
  readonly kvTokenBytes: number;
}

export interface Offline extends OfflineOptions {
  /** Prompt tokens per second, all requests' prompts together. */
  readonly prefillThroughput: number;
  /** Multiply-adds of the prompts' matrix products, of the rate that `peakFmas` gives; null where no rate was measured. */
  readonly prefillFmaShare: number | null;
  /** Tokens per second of all requests while all of them decode. */
  readonly decodeThroughput: number;
  /** Median of such a step, ms; and of its time on the device, null where that cannot tell. */
  readonly decodeStepMs: number;
  readonly decodeGpuMs: number | null;
  /** Least time to move a step's weights and KV at the copy's bandwidth, over the time that it took; null where none was measured. */
  readonly rooflineShare: number | null;
  readonly dispatchesPerStep: number;
  readonly dispatchesPerToken: number;
  /** CPU time to decide a step, lay it out and send it, for each token. */
  readonly cpuMicrosecondsPerToken: number;
}

/**
 * Runs `batchSize` requests at once, first for one token each, which times prefill alone, then for `outputLen`, of which the steps
 * count in which all decode and none prefills. @param roofline null where the device was not measured
 */
export async function measureOffline(
  engine: Engine,
  log: StepLog,
  options: OfflineOptions,
  roofline: Roofline | null,
  vocabSize: number,
): Promise<Offline> {
  await runRequests(engine, { ...options, outputLen: 1 }, vocabSize);
  const prefill = log.take().filter(({ stepPromptTokens }) => stepPromptTokens > 0);
  await runRequests(engine, options, vocabSize);
  const decode = log.take().filter((step) => isFullDecode(step, options.batchSize));
  return { ...options, ...prefillFigures(prefill, roofline), ...decodeFigures(decode, options, roofline) };
}

/** Runs prompts for at least so long, ms: an idle GPU takes about a second to raise its clocks. */
export async function warmUp(
  engine: Engine,
  options: OfflineOptions,
  vocabSize: number,
  ms: number,
): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await runRequests(engine, { ...options, outputLen: 1 }, vocabSize);
}

async function runRequests(engine: Engine, options: OfflineOptions, vocabSize: number): Promise<void> {
  const { batchSize, inputLen, outputLen: maxTokens } = options;
  const requests = Array.from({ length: batchSize }, (_, i) => {
    const promptTokenIds = promptOf({ inputLen, vocabSize }, i);
    return generateGreedily(engine, { id: `offline-${i}`, promptTokenIds, maxTokens });
  });
  await Promise.all(requests);
}

function isFullDecode(step: EngineStats, batchSize: number): boolean {
  return step.stepPromptTokens === 0 && step.stepGenerationTokens === batchSize;
}

function prefillFigures(
  steps: readonly EngineStats[],
  roofline: Roofline | null,
): Pick<Offline, 'prefillThroughput' | 'prefillFmaShare'> {
  const tokens = steps.reduce((sum, step) => sum + step.stepPromptTokens, 0);
  const prefillThroughput = (1000 * tokens) / steps.reduce((sum, step) => sum + step.stepMs, 0);
  if (roofline === null) return { prefillThroughput, prefillFmaShare: null };
  const { config, rates, computeType } = roofline;
  return {
    prefillThroughput,
    prefillFmaShare: (prefillThroughput * tokenMultiplyAdds(config)) / peakFmas(rates, computeType),
  };
}

/** Of the layers' matrices for one token; a prompt's logits are computed for its last token alone. */
function tokenMultiplyAdds(config: ModelConfig): number {
  const layer = linearShapes(config).filter(({ isLmHead }) => !isLmHead);
  return (
    config.numLayers *
    layer.reduce((sum, { outputs, inputs, experts }) => sum + outputs * inputs * (experts?.topK ?? 1), 0)
  );
}

type DecodeFigures = Omit<Offline, keyof OfflineOptions | 'prefillThroughput' | 'prefillFmaShare'>;

function decodeFigures(
  steps: readonly EngineStats[],
  { batchSize, inputLen, outputLen }: OfflineOptions,
  roofline: Roofline | null,
): DecodeFigures {
  const totalMs = steps.reduce((sum, { stepMs }) => sum + stepMs, 0);
  const decodeStepMs = medianOf(steps, ({ stepMs }) => stepMs);
  const dispatchesPerStep = medianOf(steps, ({ numDispatches }) => numDispatches);
  const cpuMs = medianOf(steps, ({ scheduleMs, encodeMs }) => scheduleMs + encodeMs);
  const context = inputLen + outputLen / 2;
  return {
    decodeThroughput: (1000 * batchSize * steps.length) / totalMs,
    decodeStepMs,
    decodeGpuMs: stepTimes(steps).gpuMs,
    rooflineShare:
      roofline === null ? null : leastStepMs(roofline, batchSize, batchSize * context) / decodeStepMs,
    dispatchesPerStep,
    dispatchesPerToken: dispatchesPerStep / batchSize,
    cpuMicrosecondsPerToken: (1000 * cpuMs) / batchSize,
  };
}

/** @param kvTokens tokens whose K and V a step reads, over all its sequences */
function leastStepMs(
  { rates, config: { experts }, stepWeightBytes, expertBytes, kvTokenBytes }: Roofline,
  tokens: number,
  kvTokens: number,
): number {
  const read = stepWeightBytes + (experts === null ? 0 : activeShare(experts, tokens) * expertBytes);
  return (1000 * (read + kvTokens * kvTokenBytes)) / rates.copyBytesPerSecond;
}
