import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiError } from '../errors.js';
import { toApiError } from './error-handling.js';

/** How long a stream may be silent, either way. */
export interface StreamTiming {
  /** After which a comment is sent, so that no proxy takes the connection for dead; 0 sends none. */
  readonly keepAliveMs: number;
  /** After which a client that takes nothing of what it is sent loses its connection. */
  readonly slowReaderMs: number;
}

export const STREAM_TIMING: StreamTiming = { keepAliveMs: 15_000, slowReaderMs: 30_000 };

/** A request that is answered with a stream. */
export interface StreamCall {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly timing: StreamTiming;
}

export interface TypedEvent {
  readonly type: string;
}

/** Sends each object as a server-sent event, then `[DONE]`. An error after the first event becomes an event of its own. */
export function sendEvents(call: StreamCall, events: AsyncIterable<object>): FastifyReply {
  return sendLines(call, dataLines(call.request, events));
}

/** Sends each object as an event that its type names. @param describe the event that tells of an error */
export function sendNamedEvents(
  call: StreamCall,
  events: AsyncIterable<TypedEvent>,
  describe: (error: ApiError) => TypedEvent,
): FastifyReply {
  return sendLines(call, namedLines(call.request, events, describe));
}

function sendLines(
  { reply, timing }: StreamCall,
  lines: AsyncGenerator<string, void, undefined>,
): FastifyReply {
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  reply.header('cache-control', 'no-cache');
  reply.header('x-accel-buffering', 'no');
  const kept = keptAlive(lines, timing.keepAliveMs);
  return reply.send(Readable.from(whileRead(kept, timing.slowReaderMs, () => reply.raw.destroy())));
}

/** The lines, and comments where none comes for so long. */
async function* keptAlive(
  lines: AsyncGenerator<string, void, undefined>,
  ms: number,
): AsyncGenerator<string, void, undefined> {
  try {
    for (let next = lines.next(); ; ) {
      if (!(await settledWithin(next, ms))) {
        yield ': keep-alive\n\n';
        continue;
      }
      const { done, value } = await next;
      if (done === true) return;
      yield value;
      next = lines.next();
    }
  } finally {
    await lines.return();
  }
}

/** The next line is asked for when the connection has room again: a reader that makes none for so long is dropped. */
async function* whileRead(
  lines: AsyncGenerator<string, void, undefined>,
  ms: number,
  drop: () => void,
): AsyncGenerator<string, void, undefined> {
  for await (const line of lines) {
    const timer = setTimeout(drop, ms);
    try {
      yield line;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @param ms 0 waits as long as it takes. Rejects nothing: whoever awaits the promise learns of its error */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  if (ms === 0) return settled;
  const controller = new AbortController();
  const late = sleep(ms, false, { signal: controller.signal }).catch(() => false);
  const isSettled = await Promise.race([settled, late]);
  controller.abort();
  return isSettled;
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

/**
 * Waits for the first value, so that a request which fails before it is answered with a status and not with a stream; but no longer than until the
 * stream needs a comment to stay alive.
 */
export async function startOf<T>(
  source: AsyncGenerator<T, void, undefined>,
  keepAliveMs = 0,
): Promise<AsyncGenerator<T, void, undefined>> {
  const first = source.next();
  if (await settledWithin(first, keepAliveMs)) await first;
  return resume(first, source);
}

async function* resume<T>(
  first: Promise<IteratorResult<T, void>>,
  source: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  try {
    const { done, value } = await first;
    if (done === true) return;
    yield value;
    yield* source;
  } finally {
    await source.return();
  }
}
