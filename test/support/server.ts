import type { FastifyInstance } from 'fastify';
import { createLogger } from '#halflight/logger.js';
import { buildServer, type ServerOptions } from '#halflight/server/app.js';
import { type ApiKey, numberedKeys } from '#halflight/server/keys.js';
import { type ModelParts, ModelRegistry, type RegistryOptions } from '#halflight/server/models.js';
import { loadChatTemplate } from '#halflight/text/chat-template.js';
import { PLAIN_OUTPUT } from '#halflight/text/output/formats.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { FakeEngine } from './fake-engine.js';
import { fable } from './models.js';

export const tokenizer = loadTokenizer(fable);

export type TestOptions = Partial<ModelParts & Pick<RegistryOptions, 'maxQueued'> & ServerOptions>;

/** A server on a fake engine with the tokenizer of the bundled model. */
export function testServer(options: TestOptions = {}): FastifyInstance {
  const models = options.models ?? testModels(options);
  // Loaded before the first request is taken, which waits for the server to be ready.
  models.lease(null).then(
    ({ release }) => release(),
    () => undefined,
  );
  const app = buildServer({
    models,
    version: '1.2.3',
    apiKeys: [],
    state: { phase: 'ready' },
    logger: createLogger({ level: 'silent' }),
    ...options,
  });
  app.addHook('onClose', async () => models.close());
  return app;
}

/** One model of two names. */
export function testModels({ maxQueued = 256, ...parts }: TestOptions = {}): ModelRegistry {
  const load = async () => ({
    engine: parts.engine ?? new FakeEngine(),
    tokenizer: parts.tokenizer ?? tokenizer,
    template: parts.template === undefined ? loadChatTemplate(fable) : parts.template,
    output: parts.output ?? PLAIN_OUTPUT,
    ...(parts.pooling === undefined ? {} : { pooling: parts.pooling }),
  });
  const entry = { names: ['fable', 'org/other'], root: 'models/fable', neededBytes: 0, load } as const;
  return new ModelRegistry([entry], { maxQueued, memoryLimitBytes: null, maxLoaded: 1 });
}

/** Keys named `#1`, `#2` and so on. */
export function testKeys(keys: readonly string[]): ApiKey[] {
  return numberedKeys(keys, 'keys');
}

/** Token ids of a text, as an answer ends that says it. */
export function script(text: string): number[] {
  return [...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false }), 2];
}

/** Payloads of a stream's `data:` lines. */
export function events(body: string): string[] {
  return body
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => block.replace(/^data: /, ''));
}

/** Lists with an entry for each token: of a chat `content`, of a completion the others. */
export type ChoiceLogprobs = Readonly<
  Partial<Record<'content' | 'tokens' | 'token_logprobs' | 'top_logprobs' | 'text_offset', unknown[]>>
>;

export interface Chunk {
  readonly id: string;
  readonly usage?: object | null;
  readonly choices: readonly {
    readonly index: number;
    readonly text?: string;
    readonly delta?: { readonly role?: string; readonly content?: string };
    readonly logprobs: ChoiceLogprobs | null;
    readonly finish_reason: string | null;
  }[];
}

/** The parsed chunks, without `[DONE]`. */
export function chunks(body: string): Chunk[] {
  return events(body)
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data) as Chunk);
}
