import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from './error-handling.js';
import { attribute, type Span } from './otlp.js';
import type { RequestTiming } from './request-timer.js';
import type { RequestRecord } from './run.js';

export interface SpanSink {
  readonly add: (spans: readonly Span[]) => void;
}

/** Where a request's spans belong. */
export interface TraceContext {
  readonly traceId: string;
  /** null begins a trace. */
  readonly parentSpanId: string | null;
}

/** What HTTP tells of a request that is over. */
export interface HttpFacts {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Each request that generates becomes a span, with `queue`, `prefill` and `decode` of each answer below it. */
export function addTracing(app: FastifyInstance, sink: SpanSink): void {
  app.addHook('onRequest', async (request, reply) => {
    const context = traceContext(request.headers.traceparent);
    if (context === null) return;
    reply.raw.once('close', () => {
      if (request.record !== null) sink.add(requestSpans(request.record, httpFacts(request, reply), context));
    });
  });
}

/** From a `traceparent` (W3C Trace Context 1, version 00). null where its sender does not record; a header that is broken is ignored. */
export function traceContext(header: string | readonly string[] | undefined): TraceContext | null {
  const given = typeof header === 'string' ? header : '';
  const [, traceId = '', parentSpanId = '', flags = ''] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(given) ?? [];
  if (/^0*$/.test(traceId) || /^0*$/.test(parentSpanId)) return { traceId: hexId(16), parentSpanId: null };
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
  return isSampled ? { traceId, parentSpanId } : null;
}

function httpFacts(request: FastifyRequest, { raw }: FastifyReply): HttpFacts {
  const { method, startMs } = request;
  return { method, path: pathOf(request), status: raw.statusCode, startMs, endMs: performance.now() };
}

/** The request's span first. Attributes are OpenTelemetry's for generative AI and HTTP. */
function requestSpans(
  record: RequestRecord,
  http: HttpFacts,
  { traceId, parentSpanId }: TraceContext,
): readonly Span[] {
  const spanId = hexId(8);
  const timings = record.timings();
  const root: Span = {
    ...{ traceId, spanId, ...(parentSpanId === null ? {} : { parentSpanId }) },
    name: `${operationOf(http.path)} ${record.model}`,
    kind: 2,
    ...interval(http.startMs, http.endMs),
    attributes: [...requestAttributes(record, timings), ...httpAttributes(http)],
    status: { code: timings.some(({ reason }) => reason === 'error') || http.status >= 500 ? 2 : 0 },
  };
  return [root, ...timings.flatMap((timing) => stepSpans(timing, { traceId, parentSpanId: spanId }))];
}

/** None of an answer that had no token. The queue's begins where the engine was asked, after the prompt was read. */
function stepSpans(
  { firstMs, lastMs, queueMs, prefillMs, numPromptTokens, numCachedTokens, numTokens }: RequestTiming,
  parent: { readonly traceId: string; readonly parentSpanId: string },
): readonly Span[] {
  if (firstMs === null) return [];
  const scheduledMs = firstMs - prefillMs;
  const step = (name: string, startMs: number, endMs: number, attributes: Span['attributes']): Span => ({
    ...{ ...parent, spanId: hexId(8), name, kind: 1, attributes, status: { code: 0 } },
    ...interval(startMs, endMs),
  });
  return [
    step('queue', scheduledMs - queueMs, scheduledMs, []),
    step('prefill', scheduledMs, firstMs, [
      attribute('gen_ai.usage.input_tokens', numPromptTokens),
      attribute('gen_ai.usage.cache_read.input_tokens', numCachedTokens),
    ]),
    step('decode', firstMs, lastMs, [attribute('gen_ai.usage.output_tokens', numTokens)]),
  ];
}

function requestAttributes(record: RequestRecord, timings: readonly RequestTiming[]): Span['attributes'] {
  const { id, model, sampling } = record;
  const usage = record.usage();
  const firsts = timings.flatMap(({ firstMs, startMs }) => (firstMs === null ? [] : firstMs - startMs));
  return [
    attribute('gen_ai.provider.name', 'halflight'),
    attribute('gen_ai.request.model', model),
    attribute('gen_ai.response.model', model),
    attribute('gen_ai.response.id', id),
    attribute('gen_ai.request.max_tokens', sampling.maxTokens),
    attribute('gen_ai.request.temperature', sampling.temperature),
    attribute('gen_ai.request.top_p', sampling.topP),
    attribute('gen_ai.request.choice.count', timings.length),
    attribute('gen_ai.usage.input_tokens', usage.prompt_tokens),
    attribute('gen_ai.usage.output_tokens', usage.completion_tokens),
    attribute(
      'gen_ai.response.finish_reasons',
      timings.map(({ reason }) => reason ?? 'abort'),
    ),
    ...(firsts.length === 0
      ? []
      : [attribute('gen_ai.latency.time_to_first_token', Math.min(...firsts) / 1000)]),
  ];
}

function httpAttributes({ method, path, status }: HttpFacts): Span['attributes'] {
  return [
    attribute('gen_ai.operation.name', operationOf(path)),
    attribute('http.request.method', method),
    attribute('url.path', path),
    attribute('http.response.status_code', status),
  ];
}

function operationOf(path: string): string {
  return path === '/v1/completions' ? 'text_completion' : 'chat';
}

/** From the clock of `performance.now()` to Unix time, exact to a microsecond. */
function interval(startMs: number, endMs: number): Pick<Span, 'startTimeUnixNano' | 'endTimeUnixNano'> {
  const nanoseconds = (ms: number) => `${Math.round(1000 * (performance.timeOrigin + ms))}000`;
  return {
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(Math.max(startMs, endMs)),
  };
}

function hexId(numBytes: number): string {
  return randomBytes(numBytes).toString('hex');
}
