import { checkModelDirectory } from '../checkpoint/directory.js';
import { parseLine, type Values } from '../config.js';
import { createEngine } from '../engine/client.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { createLogger, type Logger, readableLines } from '../logger.js';
import { buildServer, type ServerOptions } from '../server/app.js';
import type { ServerState } from '../server/state.js';
import { loadChatTemplate } from '../text/chat-template.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { banner } from './banner.js';
import { checkAddress, listen } from './listen.js';
import { engineOptions, findModel, modelName } from './model-options.js';
import { SERVE_OPTIONS } from './options.js';
import { showProgress, whileLoading } from './progress.js';
import { closeOnSignal, type Running, untilFailed } from './shutdown.js';
import { packageVersion } from './version.js';

type ServeValues = Values<(typeof SERVE_OPTIONS)[number]>;

/** Loads the model, listens, and stays until a signal or the engine's failure. Resolves with the exit code. */
export async function runServe(args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const { values, positionals } = parseLine(args, SERVE_OPTIONS);
  const dir = await findModel(positionals, values);
  const options = serveEngineOptions(dir, values);
  await check(dir, values);
  const logger = await serveLogger(values);
  let running: Running | null = null;
  closeOnSignal(logger, () => running);
  const server = await start(options, serverOptions(dir, values, logger));
  const url = await listen(server.app, values);
  running = server;
  server.state.phase = 'ready';
  const { info } = server.engine;
  const readyMs = performance.now() - startMs;
  const needsKey = values['api-key'].length > 0;
  const lines = banner({ url, name: servedNames(dir, values)[0], info, readyMs, needsKey });
  process.stdout.write(`${lines.join('\n')}\n`);
  return untilFailed(server);
}

/** All that can be known to go wrong before the model is loaded. */
async function check(dir: string, values: ServeValues): Promise<void> {
  checkExposure(values);
  await checkModelDirectory(dir);
  await checkAddress(values);
}

/** An address that others reach needs a key: an open model server is found and used within hours. */
function checkExposure(values: ServeValues): void {
  const local = ['127.0.0.1', 'localhost', '::1'].includes(values.host);
  if (local || values['api-key'].length > 0 || values['insecure-no-auth']) return;
  throw new UserError(
    `--host: ${values.host} is reachable by others; give --api-key KEY, or --insecure-no-auth`,
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

type Settings = Omit<ServerOptions, 'engine' | 'tokenizer' | 'template' | 'state'>;

async function start(options: EngineOptions, settings: Settings): Promise<Running> {
  const state: ServerState = { phase: 'loading' };
  const tokenizer = loadTokenizer(options.modelDir);
  const template = loadChatTemplate(options.modelDir);
  const engine = await whileLoading(showProgress(), (onProgress) => createEngine(options, { onProgress }));
  return { app: buildServer({ ...settings, tokenizer, template, engine, state }), engine, state };
}

function servedNames(dir: string, values: ServeValues): readonly [string, ...string[]] {
  const [first, ...others] = values['served-model-name'];
  return first === undefined ? [modelName(dir)] : [first, ...others];
}

function serverOptions(dir: string, values: ServeValues, logger: Logger): Settings {
  return {
    servedModelNames: servedNames(dir, values),
    modelRoot: dir,
    version: packageVersion(),
    apiKeys: values['api-key'],
    maxQueuedRequests: values['max-queued-requests'],
    logger,
  };
}
