import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiError } from '../errors.js';
import { toApiError } from './error-handling.js';

/** Sends each object as a server-sent event, then `[DONE]`. An error after the first event becomes an event of its own. */
export function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  events: AsyncIterable<object>,
): FastifyReply {
  return sendLines(reply, dataLines(request, events));
}

/** Sends each object as an event that its type names. @param describe the event that tells of an error */
export function sendNamedEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  events: AsyncIterable<TypedEvent>,
  describe: (error: ApiError) => TypedEvent,
): FastifyReply {
  return sendLines(reply, namedLines(request, events, describe));
}

export interface TypedEvent {
  readonly type: string;
}

function sendLines(reply: FastifyReply, lines: AsyncIterable<string>): FastifyReply {
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  reply.header('cache-control', 'no-cache');
  reply.header('x-accel-buffering', 'no');
  return reply.send(Readable.from(lines));
}

async function* dataLines(request: FastifyRequest, events: AsyncIterable<object>): AsyncGenerator<string> {
  try {
    for await (const event of events) yield `data: ${JSON.stringify(event)}\n\n`;
  } catch (error) {
    request.log.error({ err: error }, 'stream failed');
    yield `data: ${JSON.stringify(toApiError(error).toBody())}\n\n`;
  }
  yield 'data: [DONE]\n\n';
}

async function* namedLines(
  request: FastifyRequest,
  events: AsyncIterable<TypedEvent>,
  describe: (error: ApiError) => TypedEvent,
): AsyncGenerator<string> {
  const line = (event: TypedEvent) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  try {
    for await (const event of events) yield line(event);
  } catch (error) {
    request.log.error({ err: error }, 'stream failed');
    yield line(describe(toApiError(error)));
  }
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
