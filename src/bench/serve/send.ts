import http from 'node:http';
import https from 'node:https';
import { asFields, type Dialect } from './dialects.js';
import { EventStream } from './event-stream.js';
import type { PromptRequest, RequestRecord, Target, Usage } from './types.js';

export interface Sender {
  /** Sends one request and resolves when its answer is over, whatever became of it. Never rejects. @param onText called each time that text comes */
  send(
    request: PromptRequest,
    sentMs: number,
    onText: (times: readonly number[]) => void,
  ): Promise<RequestRecord>;
  close(): void;
}

/** As many connections as there are requests at once, kept for the next. */
export function createSender(target: Target, dialect: Dialect): Sender {
  const client = target.baseUrl.startsWith('https:') ? https : http;
  const agent = new client.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, noDelay: true });
  const headers = {
    'content-type': 'application/json',
    ...(target.apiKey === null ? {} : { authorization: `Bearer ${target.apiKey}` }),
  };
  const options = { method: 'POST', agent, headers };
  return {
    send: (request, sentMs, onText) => {
      const body = JSON.stringify(dialect.body(request, target));
      const answer = new Answer(dialect, sentMs, onText);
      return answer.of((isRetry, onResponse) => {
        const url = `${target.baseUrl}${dialect.path}`;
        const sent = client.request(url, isRetry ? { ...options, agent: false } : options, onResponse);
        sent.end(body);
        return sent;
      }, target.timeoutMs);
    },
    close: () => agent.destroy(),
  };
}

/** @param isRetry whether a connection of its own is wanted, that no request has had before */
type Start = (isRetry: boolean, onResponse: (response: http.IncomingMessage) => void) => http.ClientRequest;

/** Characters of a refusal's body that are read at most. */
const MAX_ERROR_TEXT = 4096;

/** Follows one answer. */
class Answer {
  readonly #times: number[] = [];
  readonly #startMs = performance.now();
  #usage: Usage | null = null;
  #isWhole = false;
  #error: string | null = null;
  #reason: string | null = null;

  constructor(
    readonly dialect: Dialect,
    readonly sentMs: number,
    readonly onText: (times: readonly number[]) => void,
  ) {}

  of(start: Start, timeoutMs: number): Promise<RequestRecord> {
    return new Promise((resolve) => {
      const end = (error: string | null) => {
        clearTimeout(timer);
        this.#error ??= error;
        resolve(this.#record());
      };
      let request = this.#begin(start, false, end, (retry) => {
        request = retry;
      });
      const timer = setTimeout(() => {
        this.#error ??= 'timeout';
        request.destroy();
        end(null);
      }, timeoutMs);
    });
  }

  /** A server may close a kept connection just when it is taken again: the request has not reached it then, and is sent anew. */
  #begin(
    start: Start,
    isRetry: boolean,
    end: (error: string | null) => void,
    onRetry: (request: http.ClientRequest) => void,
  ): http.ClientRequest {
    let isAnswered = false;
    const request = start(isRetry, (response) => {
      isAnswered = true;
      this.#follow(response, end);
    });
    request.on('error', (error) => {
      const isStale = request.reusedSocket && !isAnswered && problemOf(error) === 'ECONNRESET';
      if (isStale && !isRetry && this.#error === null) onRetry(this.#begin(start, true, end, onRetry));
      else end(problemOf(error));
    });
    return request;
  }

  #follow(response: http.IncomingMessage, end: (error: string | null) => void): void {
    const { statusCode = 0 } = response;
    response.setEncoding('utf8');
    response.on('error', (error) => end(problemOf(error)));
    if (statusCode !== 200) {
      this.#readRefusal(response, () => end(`HTTP ${statusCode}`));
      return;
    }
    const events = new EventStream();
    response.on('data', (text: string) => this.#read(events.push(text), performance.now() - this.#startMs));
    response.on('close', () => end(this.#isWhole ? null : 'cut off'));
  }

  #readRefusal(response: http.IncomingMessage, end: () => void): void {
    let body = '';
    response.on('data', (text: string) => {
      body += text;
      if (body.length > MAX_ERROR_TEXT) response.destroy();
    });
    response.on('close', () => {
      const { message } = asFields(parsed(body)?.error);
      this.#reason = typeof message === 'string' ? message : null;
      end();
    });
  }

  #read(events: readonly string[], nowMs: number): void {
    for (const data of events) {
      if (data === '[DONE]') this.#isWhole = true;
      else this.#take(data, nowMs);
    }
  }

  #take(data: string, nowMs: number): void {
    const event = parsed(data);
    if (event === null || event.error !== undefined) {
      this.#error ??= event === null ? 'no JSON in the stream' : 'error in the stream';
      return;
    }
    const { text, usage, isLast } = this.dialect.read(event);
    this.#usage = usage ?? this.#usage;
    this.#isWhole ||= isLast;
    if (text === '') return;
    this.#times.push(nowMs);
    this.onText(this.#times);
  }

  #record(): RequestRecord {
    const error = this.#error ?? (this.#times.length === 0 ? 'no text in the answer' : null);
    const endMs = performance.now() - this.#startMs;
    return {
      sentMs: this.sentMs,
      timesMs: this.#times,
      endMs,
      usage: this.#usage,
      error,
      reason: this.#reason,
    };
  }
}

function parsed(data: string): Readonly<Record<string, unknown>> | null {
  try {
    return asFields(JSON.parse(data));
  } catch {
    return null;
  }
}

function problemOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
