import { type Static, Type } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { EngineInfo } from '../../engine/types.js';
import { ApiError } from '../../errors.js';
import { leaseModel, type ServerContext } from '../context.js';
import { startEmbeddings } from '../embedding-run.js';
import type { ServedModel } from '../models.js';
import { answerId, requestOptions, truncatePrompt } from '../params.js';
import { encodePrompts } from '../prompts.js';
import { Common, count, flag, optional } from '../schemas.js';
import { assertReady } from '../state.js';
import { refuseUnsupported, UNSUPPORTED_EMBEDDINGS } from '../unsupported.js';
import { type VectorForm, vectorJson } from '../vectors.js';

/** As OpenAI has it. */
const MAX_INPUTS = 2048;
/** Numbers in an answer: as decimals so many are about 100 MB. */
const MAX_NUMBERS = 2 ** 23;
const ENCODINGS = ['float', 'base64'] as const;

/** `input` has four shapes, so prompts.ts reads it. */
export const EmbeddingBody = Type.Object({
  model: Common.model,
  input: Type.Unknown(),
  encoding_format: optional<VectorForm['encoding']>('string', `one of ${ENCODINGS.join(', ')}`, {
    enum: [...ENCODINGS, null],
  }),
  dimensions: count('a positive integer, at most the numbers of an embedding'),
  normalize: flag(),
  truncate_prompt_tokens: Common.truncate_prompt_tokens,
  add_special_tokens: flag(),
  priority: Common.priority,
  cache_salt: Common.cache_salt,
  request_id: Common.request_id,
});
type EmbeddingBody = Static<typeof EmbeddingBody>;

/** `POST /v1/embeddings` */
export function addEmbeddings(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: EmbeddingBody }>(
    '/v1/embeddings',
    { schema: { summary: 'Vectors of texts', body: EmbeddingBody } },
    async (request, reply) => {
      const { body } = request;
      const name = context.models.nameOf(body.model);
      refuseUnsupported(body, UNSUPPORTED_EMBEDDINGS);
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, name);
      const form = vectorForm(body, model.engine.info);
      const prompts = readInputs(body, model, form);
      const entries: string[] = [];
      const call = { request, reply, budgets: context.budgets };
      const run = startEmbeddings(model, call, prompts, ({ values }, index) => {
        entries[index] = `{"object":"embedding","index":${index},"embedding":${vectorJson(values, form)}}`;
      });
      await run.done;
      const { prompt_tokens, total_tokens } = run.usage();
      const rest = JSON.stringify({ model: name, usage: { prompt_tokens, total_tokens } }).slice(1);
      // Vectors become text one by one, as they come: all at once would hold up other answers.
      return reply.type('application/json').send(`{"object":"list","data":[${entries.join(',')}],${rest}`);
    },
  );
}

function vectorForm(body: EmbeddingBody, { hiddenSize }: EngineInfo): VectorForm {
  const dimensions = body.dimensions ?? null;
  if (dimensions !== null && dimensions > hiddenSize) {
    const message = `dimensions must be at most ${hiddenSize}, the numbers of this model's embeddings.`;
    throw new ApiError('invalid_value', message, 'dimensions');
  }
  return { dimensions, normalize: body.normalize ?? true, encoding: body.encoding_format ?? 'float' };
}

/** @throws ApiError for what `encodePrompts` refuses, and texts that the context does not hold */
function readInputs(body: EmbeddingBody, { engine, tokenizer }: ServedModel, { dimensions }: VectorForm) {
  const { maxModelLen, hiddenSize } = engine.info;
  const around = { addSpecialTokens: body.add_special_tokens ?? true, suffix: null };
  const maxPrompts = Math.min(MAX_INPUTS, Math.floor(MAX_NUMBERS / (dimensions ?? hiddenSize)));
  const texts = encodePrompts(body.input, tokenizer, around, { name: 'input', maxPrompts });
  const id = answerId('embd', body);
  return texts.map(({ tokenIds }, i) => {
    const promptTokenIds = truncatePrompt(tokenIds, body, 0, maxModelLen);
    const param = texts.length === 1 ? 'input' : `input[${i}]`;
    checkLength(promptTokenIds.length, maxModelLen, param);
    return { id: `${id}-${i}`, promptTokenIds, ...requestOptions(body) };
  });
}

function checkLength(numTokens: number, maxModelLen: number, param: string): void {
  if (numTokens <= maxModelLen) return;
  const message = `The model's context is ${maxModelLen} tokens; ${param} has ${numTokens}.`;
  throw new ApiError('context_length_exceeded', message, param);
}
