import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toApiError } from './error-handling.js';

/** Sends each object as a server-sent event, then `[DONE]`. An error after the first event becomes an event of its own. */
export function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  events: AsyncIterable<object>,
): FastifyReply {
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  reply.header('cache-control', 'no-cache');
  reply.header('x-accel-buffering', 'no');
  return reply.send(Readable.from(lines(request, events)));
}

async function* lines(request: FastifyRequest, events: AsyncIterable<object>): AsyncGenerator<string> {
  try {
    for await (const event of events) yield `data: ${JSON.stringify(event)}\n\n`;
  } catch (error) {
    request.log.error({ err: error }, 'stream failed');
    yield `data: ${JSON.stringify(toApiError(error).toBody())}\n\n`;
  }
  yield 'data: [DONE]\n\n';
}

/** Waits for the first value, so that a request which fails before it is answered with a status and not with a stream. */
export async function startOf<T>(
  source: AsyncGenerator<T, void, undefined>,
): Promise<AsyncGenerator<T, void, undefined>> {
  const first = await source.next();
  return resume(first, source);
}

async function* resume<T>(
  first: IteratorResult<T, void>,
  source: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  if (first.done === true) return;
  try {
    yield first.value;
    yield* source;
  } finally {
    await source.return();
  }
}
