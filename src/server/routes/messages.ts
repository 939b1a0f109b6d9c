import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../../errors.js';
import { joinChunks } from '../answer.js';
import { promptOfChat } from '../chat-request.js';
import { startChat } from '../chat-run.js';
import { leaseModel, type ServerContext } from '../context.js';
import { sendError } from '../error-handling.js';
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
    { schema: { body: MessagesBody }, errorHandler },
    async (request, reply) => {
      const chat = await startChat(toChat(request.body), { request, reply }, context, 'msg');
      const chunks = await startOf(chunksOf(chat.run.chunks));
      if (request.body.stream !== true) return wholeMessage(chat, joinChunks(await all(chunks)));
      return sendNamedEvents(request, reply, messageEvents(chat, chunks), (error) => ({
        type: 'error',
        error: describeError(error),
      }));
    },
  );
  app.post<{ Body: CountBody }>(
    '/v1/messages/count_tokens',
    { schema: { body: CountBody }, errorHandler },
    async (request, reply) => {
      assertReady(context.state);
      const chat = promptOf(request.body);
      const { model } = await leaseModel(context, reply, chat.model);
      const { prompt } = await promptOfChat(chat, readTools(chat), model, context);
      return { input_tokens: prompt.tokenIds.length };
    },
  );
}

async function* chunksOf<T>(source: AsyncGenerator<{ readonly value: T }, void, undefined>) {
  for await (const { value } of source) yield value;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
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
    error: describeError(ownNames(known)),
    request_id: request.id,
  }));
}

/** Of the fields that a chat has elsewhere. */
function ownNames(error: ApiError): ApiError {
  const rename = (text: string) =>
    text.replaceAll('.function.parameters', '.input_schema').replaceAll('.function.name', '.name');
  const param = error.param === null ? null : rename(error.param);
  return new ApiError(error.code, rename(error.message), param, error.retryAfterSeconds);
}
