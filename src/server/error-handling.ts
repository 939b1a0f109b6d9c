import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, ERRORS, type ErrorCode } from '../errors.js';
import { BODY_LIMIT_BYTES } from './body.js';
import { describeViolation } from './violations.js';

interface KnownError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Errors of Fastify and of Node's HTTP parser that a caller causes. */
const KNOWN_ERRORS: Readonly<Record<string, KnownError>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    message: 'The body must have the content type application/json.',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'body_too_large',
    message: `The body must not be larger than ${BODY_LIMIT_BYTES} bytes.`,
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'invalid_json',
    message: 'The body does not have the length that Content-Length says.',
  },
  FST_ERR_BAD_URL: { code: 'route_not_found', message: 'The path is not a valid URL path.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'route_not_found', message: 'The path is too long.' },
  HPE_HEADER_OVERFLOW: { code: 'header_too_large', message: 'The headers are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request_timeout', message: 'The request took too long to arrive.' },
};

/** What the caller is told. An error that nobody foresaw becomes `internal_error`, without its text. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (isFastifyError(error)) {
    if (error.validation !== undefined) return describeViolation(error.validation);
    const known = KNOWN_ERRORS[error.code];
    if (known !== undefined) return new ApiError(known.code, known.message);
  }
  return new ApiError('internal_error', 'The server failed to answer this request.');
}

/** Gives every refused request the four-key body, whatever refused it. */
export function addErrorHandling(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply));
  app.setNotFoundHandler((request) => {
    throw new ApiError('route_not_found', `There is no ${request.method} ${pathOf(request)}.`);
  });
}

/** @param toBody how the route writes errors; else OpenAI's four keys */
export function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  toBody = (known: ApiError): object => known.toBody(),
): FastifyReply {
  const apiError = toApiError(error);
  if (apiError.code === 'internal_error') request.log.error({ err: error }, 'request failed');
  if (apiError.retryAfterSeconds !== null) reply.header('retry-after', String(apiError.retryAfterSeconds));
  return reply.header('x-request-id', request.id).code(apiError.status).send(toBody(apiError));
}

/** Of a request that is answered as another one: the field's own name in its place. @param names pairs of texts */
export function renameFields(error: ApiError, names: readonly (readonly [string, string])[]): ApiError {
  const rename = (text: string) => names.reduce((now, [from, to]) => now.replaceAll(from, to), text);
  const param = error.param === null ? null : rename(error.param);
  return new ApiError(error.code, rename(error.message), param, error.retryAfterSeconds);
}

/** Answers what is no HTTP request, or none that arrived in time; there is no route or reply for it. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const known = KNOWN_ERRORS[error.code ?? ''];
  const apiError = new ApiError(
    known?.code ?? 'invalid_value',
    known?.message ?? 'This is no valid HTTP request.',
  );
  const body = JSON.stringify(apiError.toBody());
  socket.end(`${statusLines(apiError, Buffer.byteLength(body)).join('\r\n')}\r\n\r\n${body}`);
}

function statusLines(error: ApiError, numBytes: number): string[] {
  return [
    `HTTP/1.1 ${ERRORS[error.code].status} ${error.code}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${numBytes}`,
    `X-Request-Id: ${randomUUID()}`,
    'Connection: close',
  ];
}

/** Without the query, which may hold what must not be repeated. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error;
}
