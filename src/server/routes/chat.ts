import type { FastifyInstance } from 'fastify';
import { sendAnswer } from '../answer.js';
import { startChat } from '../chat-run.js';
import { ChatBody } from '../chat-schemas.js';
import { chatShape } from '../chat-shape.js';
import type { ServerContext } from '../context.js';
import { streamParams } from '../params.js';

/** `POST /v1/chat/completions` */
export function addChat(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: ChatBody }>(
    '/v1/chat/completions',
    { schema: { summary: 'Answers a chat', body: ChatBody } },
    async (request, reply) => {
      const { body } = request;
      const streaming = streamParams(body);
      const chat = await startChat(body, { request, reply }, context, 'chatcmpl');
      const { id, created, name, run, numChoices } = chat;
      const envelope = (isChunk: boolean) => ({
        id,
        object: isChunk ? 'chat.completion.chunk' : 'chat.completion',
        created,
        model: name,
        system_fingerprint: null,
      });
      const shape = chatShape(body, chat.promptTokenIds, chat.model);
      return sendAnswer(
        { request, reply, timing: context.timing },
        { run, shape, numChoices, envelope },
        streaming,
      );
    },
  );
}
