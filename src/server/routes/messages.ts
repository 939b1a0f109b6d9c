import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiError } from '../../errors.js';
import { collect, joinChunks, ofOneChoice } from '../answer.js';
import { promptOfChat } from '../chat-request.js';
import { startChat } from '../chat-run.js';
import { leaseModel, type ServerContext } from '../context.js';
import { renameFields, sendError } from '../error-handling.js';
import { messageEvents, wholeMessage } from '../messages/answer.js';
import { CountBody, MessagesBody } from '../messages/schemas.js';
import { promptOf, toChat } from '../messages/to-chat.js';
import { sendNamedEvents, startOf } from '../sse.js';
import { assertReady } from '../state.js';
import { readTools } from '../tools.js';

/** `POST /v1/messages` and `/v1/messages/count_tokens`, as Anthropic's clients call them. */
export function addMessages(app: FastifyInstance, context: ServerContext): void {
  const errorHandler = answerError;
  app.post<{ Body: MessagesBody }>(
    '/v1/messages',
    { schema: { summary: 'Answers a chat, in Anthropic’s form', body: MessagesBody }, errorHandler },
    async (request, reply) => {
      const { timing } = context;
      const patience = request.body.stream === true ? timing.keepAliveMs : 0;
      const chat = await startChat(toChat(request.body), { request, reply }, context, 'msg');
      const chunks = await startOf(ofOneChoice(chat.run.chunks), patience);
      if (request.body.stream !== true) return wholeMessage(chat, joinChunks(await collect(chunks)));
      return sendNamedEvents({ request, reply, timing }, messageEvents(chat, chunks), (error) => ({
        type: 'error',
        error: describeError(error),
      }));
    },
  );
  app.post<{ Body: CountBody }>(
    '/v1/messages/count_tokens',
    { schema: { summary: 'Counts the tokens of a chat’s prompt', body: CountBody }, errorHandler },
    async (request, reply) => {
      assertReady(context.state);
      const chat = promptOf(request.body);
      const { model } = await leaseModel(context, reply, chat.model);
      const { prompt } = await promptOfChat(chat, readTools(chat), model, context);
      return { input_tokens: prompt.tokenIds.length };
    },
  );
}

/** Anthropic's names for the kinds of errors. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  503: 'overloaded_error',
};

function describeError(error: ApiError): object {
  return { ...error.toBody().error, type: TYPES[error.status] ?? 'invalid_request_error' };
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendError(error, request, reply, (known) => ({
    type: 'error',
    error: describeError(renameFields(known, OWN_NAMES)),
    request_id: request.id,
  }));
}

/** Where a chat has the field elsewhere. */
const OWN_NAMES = [
  ['.function.parameters', '.input_schema'],
  ['.function.name', '.name'],
  ['reasoning_effort', 'thinking'],
] as const;
