import type { FastifyInstance } from 'fastify';
import { checkModelDirectory } from '../checkpoint/directory.js';
import { parseLine } from '../config.js';
import { createEngine } from '../engine/client.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { createLogger, type Logger, readableLines } from '../logger.js';
import { choosePooling } from '../model/pooling.js';
import { buildServer, type ServerOptions } from '../server/app.js';
import { type Lease, type ModelEntry, type ModelParts, ModelRegistry } from '../server/models.js';
import { SpanExporter } from '../server/otlp.js';
import type { ServerState } from '../server/state.js';
import { loadChatTemplate } from '../text/chat-template.js';
import { chooseOutput } from '../text/output/detect.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { readApiKeys } from './api-keys.js';
import { banner } from './banner.js';
import { checkAddress, listen } from './listen.js';
import { engineOptions } from './model-options.js';
import { SERVE_OPTIONS } from './options.js';
import { showProgress, whileLoading } from './progress.js';
import { neededBytes, type ServedSource, type ServeValues, servedSources } from './served-models.js';
import { closeOnSignal, type DrainTiming, type Running, untilFailed } from './shutdown.js';
import { SilentSockets } from './silent-sockets.js';
import { packageVersion } from './version.js';

/** Loads the first model, listens, and stays until a signal or an engine's failure. Resolves with the exit code. */
export async function runServe(args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const { values } = parseLine(args, SERVE_OPTIONS);
  const apiKeys = await readApiKeys(values);
  checkExposure(values, apiKeys.length > 0);
  const sources = await servedSources(args);
  await check(sources, values);
  const logger = await serveLogger(values);
  let running: Running | null = null;
  closeOnSignal(logger, drainTiming(values), () => running);
  const models = await createRegistry(sources, values);
  const state: ServerState = { phase: 'loading' };
  const app = createApp({ models, state, apiKeys, logger }, values);
  const silent = new SilentSockets(app.server);
  // While the model loads, probes are answered: alive, and not ready.
  const url = await listen(app, values);
  const { name, model, release } = await leaseFirst(models, app);
  release();
  running = { app, silent, models, state };
  state.phase = 'ready';
  const readyMs = performance.now() - startMs;
  const needsKey = apiKeys.length > 0;
  const others = sources.flatMap(({ names }) => names).filter((one) => one !== name);
  const lines = banner({ url, name, others, info: model.engine.info, readyMs, needsKey });
  process.stdout.write(`${lines.join('\n')}\n`);
  return untilFailed(running);
}

function drainTiming(values: ServeValues): DrainTiming {
  return { delayMs: 1000 * values['drain-delay'], timeoutMs: 1000 * values['shutdown-timeout'] };
}

type AppParts = Pick<ServerOptions, 'models' | 'state' | 'apiKeys' | 'logger'>;

function createApp(parts: AppParts, values: ServeValues): FastifyInstance {
  const spans = spanExporter(values, parts.logger);
  const app = buildServer({
    ...parts,
    ...(spans === null ? {} : { spans }),
    logPrompts: values['log-prompts'],
    version: packageVersion(),
    requestsPerMinute: values['requests-per-minute'],
    tokensPerMinute: values['tokens-per-minute'],
    trustRequestTemplates: values['trust-request-chat-template'],
    timing: {
      keepAliveMs: 1000 * values['sse-keepalive'],
      slowReaderMs: 1000 * values['slow-reader-timeout'],
    },
  });
  app.addHook('onClose', async () => spans?.close());
  return app;
}

function spanExporter(values: ServeValues, logger: Logger): SpanExporter | null {
  const endpoint = values['otlp-endpoint'];
  if (endpoint === null) return null;
  if (!URL.canParse(endpoint)) throw new UserError(`--otlp-endpoint: ${endpoint} is no URL`);
  const onProblem = (problem: string) => logger.warn(`traces: ${problem}`);
  return new SpanExporter({ endpoint, version: packageVersion(), onProblem });
}

/** Nothing listens any more where the model cannot be loaded. */
async function leaseFirst(models: ModelRegistry, app: FastifyInstance): Promise<Lease> {
  try {
    return await models.lease(null);
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** All that can be known to go wrong before a model is loaded. */
async function check(sources: readonly ServedSource[], values: ServeValues): Promise<void> {
  for (const { dir } of sources) await checkModelDirectory(dir);
  await checkAddress(values);
}

/** An address that others reach needs a key: an open model server is found and used within hours. */
function checkExposure(values: ServeValues, hasKeys: boolean): void {
  const local = ['127.0.0.1', 'localhost', '::1'].includes(values.host);
  if (local || hasKeys || values['insecure-no-auth']) return;
  throw new UserError(
    `--host: ${values.host} is reachable by others; give --api-key KEY, --api-key-file FILE, or --insecure-no-auth`,
  );
}

function serveEngineOptions(dir: string, values: ServeValues): EngineOptions {
  return {
    ...engineOptions(dir, values),
    maxNumSeqs: values['max-num-seqs'],
    maxNumBatchedTokens: values['max-num-batched-tokens'],
    maxPrefillMsPerStep: values['max-prefill-ms-per-step'],
    prefixCaching: !values['no-enable-prefix-caching'],
    asyncScheduling: !values['no-async-scheduling'],
    numSpeculativeTokens: values['speculative-num-tokens'],
  };
}

async function serveLogger(values: ServeValues): Promise<Logger> {
  const level = values['log-level'];
  if (!process.stdout.isTTY) return createLogger({ level });
  return createLogger({ level, destination: await readableLines() });
}

async function createRegistry(sources: readonly ServedSource[], values: ServeValues): Promise<ModelRegistry> {
  const entries: ModelEntry[] = [];
  for (const source of sources) entries.push(await modelEntry(source, sources.length));
  return new ModelRegistry(entries, {
    maxQueued: values['max-queued-requests'],
    memoryLimitBytes: values['gpu-memory-limit'],
    maxLoaded: values['max-loaded-models'],
  });
}

async function modelEntry(source: ServedSource, numModels: number): Promise<ModelEntry> {
  const { dir, names, adapters, values } = source;
  const options = { ...serveEngineOptions(dir, values), adapters: adapters.map(({ root }) => root) };
  chooseOutput('', values);
  const needed = numModels === 1 ? 0 : await neededBytes(options);
  return {
    names,
    adapters,
    root: dir,
    neededBytes: needed,
    load: (freeBytes) =>
      load({ ...options, gpuMemoryLimitBytes: shareOf(freeBytes, needed, numModels, values) }, values),
  };
}

/** Of what is free, no more than an equal share of all, unless the model needs more. */
function shareOf(
  freeBytes: number | null,
  needed: number,
  numModels: number,
  values: ServeValues,
): number | null {
  const limit = values['gpu-memory-limit'];
  if (freeBytes === null || limit === null || numModels === 1) return limit;
  const share = limit / Math.min(numModels, values['max-loaded-models']);
  return Math.floor(Math.min(freeBytes, Math.max(needed, share)));
}

async function load(options: EngineOptions, values: ServeValues): Promise<ModelParts> {
  const tokenizer = loadTokenizer(options.modelDir);
  const template = loadChatTemplate(options.modelDir);
  const pooling = await choosePooling(options.modelDir, values.pooling);
  const engine = await whileLoading(showProgress(), (onProgress) => createEngine(options, { onProgress }));
  const output = chooseOutput(template?.source ?? '', values);
  return { tokenizer, template, output, engine, pooling };
}
