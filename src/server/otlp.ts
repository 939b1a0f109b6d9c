/** A span as OTLP has it in JSON (opentelemetry-proto, trace/v1). */
export interface Span {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 1 is internal, 2 a server's. */
  readonly kind: 1 | 2;
  /** Unix time. */
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  /** 0 is unset, 2 an error. */
  readonly status: { readonly code: 0 | 2 };
}

interface Attribute {
  readonly key: string;
  readonly value: object;
}

type AttributeValue = string | number | boolean | readonly string[];

/** Integers are written as text, as JSON of protobuf has those of 64 bits. */
export function attribute(key: string, value: AttributeValue): Attribute {
  return { key, value: anyValue(value) };
}

function anyValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value !== 'number') return { arrayValue: { values: value.map(anyValue) } };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

export interface ExporterOptions {
  /** Base URL of the collector; `/v1/traces` is appended unless it ends so. */
  readonly endpoint: string;
  /** Of the service. */
  readonly version: string;
  /** Told when spans are lost. */
  readonly onProblem: (problem: string) => void;
}

const FLUSH_MS = 1000;
const MAX_QUEUED = 4096;
const TIMEOUT_MS = 5000;

/** Sends spans to a collector over OTLP/HTTP with JSON, once a second. Where it is slow or gone spans are dropped: requests never wait. */
export class SpanExporter {
  readonly #url: string;
  #queue: Span[] = [];
  #numDropped = 0;
  #sending: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(readonly options: ExporterOptions) {
    const { endpoint } = options;
    this.#url = endpoint.endsWith('/v1/traces') ? endpoint : `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  }

  add(spans: readonly Span[]): void {
    if (this.#queue.length + spans.length > MAX_QUEUED) {
      this.#numDropped += spans.length;
      return;
    }
    this.#queue.push(...spans);
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_MS).unref();
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    await this.#flush();
  }

  #flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#sending = this.#sending.then(() => this.#send());
    return this.#sending;
  }

  async #send(): Promise<void> {
    const spans = this.#queue;
    this.#queue = [];
    if (spans.length === 0) return;
    const problem = await this.#post(spans);
    if (problem !== null) this.options.onProblem(`${spans.length} spans are lost: ${problem}`);
    if (this.#numDropped > 0)
      this.options.onProblem(`${this.#numDropped} spans are lost: the queue was full`);
    this.#numDropped = 0;
  }

  /** null where they arrived. */
  async #post(spans: readonly Span[]): Promise<string | null> {
    const attributes = [
      attribute('service.name', 'halflight'),
      attribute('service.version', this.options.version),
    ];
    const body = {
      resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: 'halflight' }, spans }] }],
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = { 'content-type': 'application/json' };
    try {
      const reply = await fetch(this.#url, { method: 'POST', headers, body: JSON.stringify(body), signal });
      await reply.body?.cancel();
      return reply.ok ? null : `${this.#url} answers ${reply.status}`;
    } catch (error) {
      const { message, cause } = error instanceof Error ? error : new Error(String(error));
      return `${this.#url}: ${cause instanceof Error ? cause.message : message}`;
    }
  }
}
