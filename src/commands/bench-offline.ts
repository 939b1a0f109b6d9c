import { measureOffline, type Offline, type Roofline, warmUp } from '../bench/offline.js';
import { type MeasuredAdapter, measureAdapter } from '../bench/probes.js';
import { randomCheckpoint } from '../bench/random-model.js';
import { shapeConfig } from '../bench/shapes.js';
import { StepLog } from '../bench/steps.js';
import { median } from '../bench/throughput.js';
import { BLOCK_SIZE, blocksFor } from '../engine/block-manager.js';
import { type ModelSource, openModelDirectory } from '../engine/device-model.js';
import { createLocalEngine } from '../engine/local.js';
import { kvBytesPerToken } from '../engine/memory-plan.js';
import type { EngineOptions } from '../engine/options.js';
import { createRunner } from '../engine/runner.js';
import type { Engine, EngineInfo } from '../engine/types.js';
import { UserError } from '../errors.js';
import { expertBytes, ropeBytes } from '../model/weight-bytes.js';
import { adapterLines } from './bench-kernels.js';
import type { BenchReport, BenchValues } from './bench-report.js';
import { formatBytes, formatPercent, formatTable } from './format.js';
import { engineOptions, findModel, fixedLengths, quantizationFormat } from './model-options.js';
import { showProgress, whileLoading } from './progress.js';

const SEED = 1;
const PROBE_TIMING = { repeats: 3, targetMs: 20, warmUpMs: 100 };
/** An idle GPU takes about so long to raise its clocks, and sinks back while another batch size is laid out. */
const WARM_UP_MS = 1000;
/** A large model on software Vulkan takes minutes for a step. */
const STEP_TIMEOUT_MS = 3_600_000;

interface OpenedModel {
  readonly name: string;
  readonly source: ModelSource;
}

/** A whole model in the engine that serves, with weights from a directory or made on the spot. */
export async function benchOffline(values: BenchValues, models: readonly string[]): Promise<BenchReport> {
  const { name, source } = await openModel(values, models);
  const options = offlineOptions(values, source);
  const measured = values.device === 'cpu' ? null : await measureAdapter(PROBE_TIMING, options);
  const start = performance.now();
  const loaded = await whileLoading(showProgress(), (onProgress) =>
    createRunner(options, onProgress, async () => source),
  );
  const readyMs = performance.now() - start;
  const engine = createLocalEngine(loaded, options);
  const { info, vocabSize } = loaded;
  const roofline = measured === null ? null : rooflineOf(measured, source, info, values);
  let results: readonly Offline[];
  try {
    checkCache(info, values);
    const warmUpMs = measured === null || measured.adapter.software ? 0 : WARM_UP_MS;
    results = await measureAll(engine, values, roofline, { vocabSize, warmUpMs });
  } finally {
    await engine.close();
  }
  return {
    json: { model: name, ...measured, engine: info, readyMs, results },
    lines: [...heading(name, info, readyMs, measured), ...formatTable([HEADS, ...results.map(row)])],
  };
}

/** For each batch size the repeat whose decode throughput is the middle one. */
async function measureAll(
  engine: Engine,
  values: BenchValues,
  roofline: Roofline | null,
  { vocabSize, warmUpMs }: { readonly vocabSize: number; readonly warmUpMs: number },
): Promise<readonly Offline[]> {
  const log = new StepLog(engine);
  const results: Offline[] = [];
  for (const batchSize of values['batch-size']) {
    const lengths = { batchSize, ...fixedLengths(values) };
    const rounds: Offline[] = [];
    await warmUp(engine, lengths, vocabSize, warmUpMs);
    log.take();
    for (let i = 0; i < values.repeats; i++)
      rounds.push(await measureOffline(engine, log, lengths, roofline, vocabSize));
    results.push(median(rounds, ({ decodeThroughput }) => decodeThroughput));
  }
  return results;
}

/** The weights' owner closes them once they are loaded. Throws UserError where the command line names no model or two. */
async function openModel(values: BenchValues, models: readonly string[]): Promise<OpenedModel> {
  const shape = values['random-weights'];
  if (shape === null) {
    const modelDir = await findModel(models, values);
    return { name: modelDir, source: await openModelDirectory({ modelDir }) };
  }
  if (models.length > 0)
    throw new UserError(`--random-weights: takes the place of MODEL, but got ${models[0]}`);
  const config = await shapeConfig(shape, '--random-weights');
  return { name: `${shape}, random weights`, source: { config, checkpoint: randomCheckpoint(config, SEED) } };
}

/** The KV cache holds every request in full, so that none is preempted. */
function offlineOptions(values: BenchValues, { config }: ModelSource): EngineOptions {
  const { inputLen, outputLen } = fixedLengths(values);
  const maxModelLen = values['max-model-len'] ?? inputLen + outputLen;
  const maxNumSeqs = Math.max(...values['batch-size']);
  const options = engineOptions('', values);
  // Of the widest type; the engine takes no more blocks than its sequences can fill.
  const sequenceBytes = blocksFor(maxModelLen, BLOCK_SIZE) * BLOCK_SIZE * kvBytesPerToken(config, 'f32');
  return {
    ...options,
    maxModelLen,
    maxNumSeqs,
    maxNumBatchedTokens: values['max-num-batched-tokens'],
    kvCacheMemoryBytes: options.kvCacheMemoryBytes ?? maxNumSeqs * sequenceBytes,
    // Prompts beside decodes are what the measurement leaves out, so they need not be held back.
    maxPrefillMsPerStep: STEP_TIMEOUT_MS,
    prefixCaching: false,
    asyncScheduling: !values['no-async-scheduling'],
    stepTimeoutMs: STEP_TIMEOUT_MS,
  };
}

function checkCache({ numBlocks, blockSize }: EngineInfo, values: BenchValues): void {
  const { inputLen, outputLen } = fixedLengths(values);
  const needed = Math.max(...values['batch-size']) * blocksFor(inputLen + outputLen, blockSize);
  if (numBlocks >= needed) return;
  throw new UserError(
    `--batch-size: needs ${needed} blocks of KV cache, and there are ${numBlocks}; lower it, or --input-len and --output-len`,
  );
}

/** A decode step reads every weight but the table of embeddings, of which it takes a row, that of the rotation, and experts without a token. */
function rooflineOf(
  { rates }: MeasuredAdapter,
  { config, checkpoint }: ModelSource,
  { memory, maxModelLen, kvCacheType, computeType }: EngineInfo,
  { quantization }: BenchValues,
): Roofline {
  const table = config.tieWordEmbeddings ? 0 : (checkpoint.tensors.get(config.weights.embedding)?.bytes ?? 0);
  const rotation = ropeBytes(config, maxModelLen);
  const ofExperts = expertBytes(checkpoint, config, quantizationFormat(quantization));
  const stepWeightBytes = memory.weights - table - rotation - ofExperts;
  return {
    rates,
    computeType,
    config,
    stepWeightBytes,
    expertBytes: ofExperts,
    kvTokenBytes: kvBytesPerToken(config, kvCacheType),
  };
}

function heading(
  name: string,
  info: EngineInfo,
  readyMs: number,
  measured: MeasuredAdapter | null,
): string[] {
  const bytes = Object.entries(info.memory).map(([kind, count]) => `${kind} ${formatBytes(count)}`);
  return [
    ...(measured === null ? [info.adapter.name] : adapterLines(measured)),
    `${name}: weights ${info.weightFormat}, KV ${info.kvCacheType}, computing in ${info.computeType}`,
    `on the device: ${bytes.join(', ')}; ready after ${(readyMs / 1000).toFixed(1)} s`,
  ];
}

const HEADS = [
  'requests',
  'prefill tok/s',
  'of FMA',
  'decode tok/s',
  'step ms',
  'GPU ms',
  'of roofline',
  'dispatches/step',
  '/token',
  'CPU µs/token',
];

function row(result: Offline): string[] {
  return [
    String(result.batchSize),
    result.prefillThroughput.toFixed(1),
    formatPercent(result.prefillFmaShare),
    result.decodeThroughput.toFixed(1),
    result.decodeStepMs.toFixed(2),
    result.decodeGpuMs?.toFixed(2) ?? '',
    formatPercent(result.rooflineShare),
    String(result.dispatchesPerStep),
    result.dispatchesPerToken.toFixed(1),
    result.cpuMicrosecondsPerToken.toFixed(0),
  ];
}
