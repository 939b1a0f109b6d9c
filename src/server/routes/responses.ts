import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { collect, joinChunks, ofOneChoice } from '../answer.js';
import { startChat } from '../chat-run.js';
import type { ServerContext } from '../context.js';
import { renameFields, sendError } from '../error-handling.js';
import { responseEvents, wholeResponse } from '../responses/answer.js';
import { ResponsesBody } from '../responses/schemas.js';
import { toChat } from '../responses/to-chat.js';
import { sendNamedEvents, startOf } from '../sse.js';

/** `POST /v1/responses`. Nothing is stored: a conversation is sent whole each time. */
export function addResponses(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: ResponsesBody }>(
    '/v1/responses',
    {
      schema: { summary: 'Answers a chat, in the form of OpenAI’s Responses', body: ResponsesBody },
      errorHandler: answerError,
    },
    async (request, reply) => {
      const { body } = request;
      const { timing } = context;
      const patience = body.stream === true ? timing.keepAliveMs : 0;
      const chat = await startChat(toChat(body), { request, reply }, context, 'resp');
      const chunks = await startOf(ofOneChoice(chat.run.chunks), patience);
      if (body.stream !== true) return wholeResponse(body, chat, joinChunks(await collect(chunks)));
      return sendNamedEvents(
        { request, reply, timing },
        responseEvents(body, chat, chunks),
        ({ code, message, param }) => ({ type: 'error', ...{ code, message, param } }),
      );
    },
  );
}

/** Where a chat has the field elsewhere. */
const OWN_NAMES = [
  ['.function.', '.'],
  ['response_format.json_schema', 'text.format'],
  ['response_format', 'text.format'],
  ['reasoning_effort', 'reasoning.effort'],
  ['max_tokens', 'max_output_tokens'],
] as const;

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendError(error, request, reply, (known) => renameFields(known, OWN_NAMES).toBody());
}
