import { type Static, Type } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../errors.js';
import { checkTemplate, promptOfChat } from '../chat-request.js';
import { PromptBody } from '../chat-schemas.js';
import { leaseModel, type ServerContext } from '../context.js';
import type { ServedModel } from '../models.js';
import { Common, flag, optional } from '../schemas.js';
import { assertReady } from '../state.js';
import { readTools } from '../tools.js';

/** A text, or the messages of a chat. */
const TokenizeBody = Type.Object({
  ...PromptBody.properties,
  prompt: optional<string>('string', 'a string'),
  messages: Type.Optional(PromptBody.properties.messages),
  return_token_strs: flag(),
});
type TokenizeBody = Static<typeof TokenizeBody>;

const DetokenizeBody = Type.Object({
  model: Common.model,
  tokens: Type.Array(Type.Integer({ minimum: 0, description: 'a token id, 0 or larger' }), {
    description: 'a list of token ids',
  }),
});
type DetokenizeBody = Static<typeof DetokenizeBody>;

/** `POST /tokenize`, `/detokenize` and `/apply-template`: what the model's tokenizer and its chat template do, without the model. */
export function addTokenize(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: TokenizeBody }>(
    '/tokenize',
    { schema: { summary: 'Tokens of a text or a chat', body: TokenizeBody } },
    async ({ body }, reply) => {
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, body.model);
      const tokens = await tokensOf(body, model, context);
      const texts = tokens.map((id) => model.tokenizer.tokenText(id));
      return {
        count: tokens.length,
        max_model_len: model.engine.info.maxModelLen,
        tokens,
        token_strs: body.return_token_strs === true ? texts : null,
      };
    },
  );
  app.post<{ Body: DetokenizeBody }>(
    '/detokenize',
    { schema: { summary: 'Text of tokens', body: DetokenizeBody } },
    async ({ body }, reply) => {
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, body.model);
      checkVocabulary(body.tokens, model.tokenizer.vocabSize);
      return { prompt: model.tokenizer.decode(body.tokens, { skipSpecialTokens: false }) };
    },
  );
  app.post<{ Body: PromptBody }>(
    '/apply-template',
    { schema: { summary: 'Prompt of a chat', body: PromptBody } },
    async ({ body }, reply) => {
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, body.model);
      return { prompt: (await chatOf(body, model, context)).text };
    },
  );
}

async function tokensOf(
  { prompt, messages, ...body }: TokenizeBody,
  model: ServedModel,
  context: ServerContext,
): Promise<readonly number[]> {
  const text = prompt ?? null;
  if ((text === null) === (messages === undefined)) {
    throw new ApiError(
      'invalid_value',
      'Send either prompt, a string, or messages, those of a chat.',
      'prompt',
    );
  }
  if (messages !== undefined) return (await chatOf({ ...body, messages }, model, context)).tokenIds;
  if (text === null || text === '') return [];
  return model.tokenizer.encode(text, {
    addSpecialTokens: body.add_special_tokens ?? true,
    parseSpecialTokens: true,
  });
}

async function chatOf(body: PromptBody, model: ServedModel, context: ServerContext) {
  checkTemplate(body, context);
  return (await promptOfChat(body, readTools(body), model, context)).prompt;
}

function checkVocabulary(tokens: readonly number[], vocabSize: number): void {
  const index = tokens.findIndex((id) => id >= vocabSize);
  if (index < 0) return;
  const param = `tokens[${index}]`;
  throw new ApiError(
    'invalid_value',
    `${param} must be a token id, an integer from 0 to ${vocabSize - 1}.`,
    param,
  );
}
