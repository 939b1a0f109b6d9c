import type { FastifyInstance } from 'fastify';
import { createLogger, type Logger } from '../logger.js';
import { buildServer } from '../server/app.js';
import { numberedKeys } from '../server/keys.js';
import { type ModelEntry, ModelRegistry } from '../server/models.js';
import { detectOutput } from '../text/output/detect.js';
import type { TextEngine } from './text-engine.js';

export interface LibraryServerOptions {
  /** Each is served under its name. */
  readonly engines: readonly TextEngine[];
  /** What `/version` tells; default `library`. */
  readonly version?: string;
  /** Empty, the default, asks nobody for a key. */
  readonly apiKeys?: readonly string[];
  /** Of each key, or of all callers together where there is none; absent sets no limit. */
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  /** Sequences of a model that may wait; default 256. */
  readonly maxQueued?: number;
  /** Default: silent. */
  readonly logger?: Logger;
}

const DEFAULTS = { version: 'library', apiKeys: [], maxQueued: 256 };

/** The HTTP API around engines that are loaded, not listening yet: call `listen`. Closing it leaves the engines open. */
export async function createServer(options: LibraryServerOptions): Promise<FastifyInstance> {
  const { engines, version, maxQueued, ...given } = { ...DEFAULTS, ...options };
  const apiKeys = numberedKeys(given.apiKeys, 'apiKeys');
  const limits = { maxQueued, memoryLimitBytes: null, maxLoaded: engines.length };
  const models = new ModelRegistry(engines.map(entryOf), limits);
  for (const { name } of engines) (await models.lease(name)).release();
  const logger = options.logger ?? createLogger({ level: 'silent' });
  const { requestsPerMinute = null, tokensPerMinute = null } = given;
  const rates = { requestsPerMinute, tokensPerMinute };
  const app = buildServer({ models, version, apiKeys, ...rates, state: { phase: 'ready' }, logger });
  app.addHook('onClose', async () => {
    for (const metrics of models.metrics()) metrics.close();
  });
  return app;
}

function entryOf({ name, root, engine, tokenizer, template }: TextEngine): ModelEntry {
  const output = detectOutput(template?.source ?? '');
  const load = async () => ({ engine, tokenizer, template, output });
  return { names: [name], root, neededBytes: 0, load };
}
