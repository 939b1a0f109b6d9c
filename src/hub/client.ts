import { UserError } from '../errors.js';
import { refusal } from './refusals.js';
import type { HubSettings } from './settings.js';
import { type Patience, TransientError } from './tries.js';

export interface HubRequest {
  /** Below the endpoint, from its slash on. */
  readonly path: string;
  readonly method: 'GET' | 'HEAD';
  /** Revision or file that is asked for, for messages. */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Bytes as they come; it throws TransientError where they stop. */
export type Chunks = AsyncIterable<Uint8Array>;

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Requests about one repository. The token goes to the endpoint's own origin alone. */
export class HubClient {
  constructor(
    readonly repository: string,
    readonly settings: HubSettings,
    readonly patience: Patience,
  ) {}

  /**
   * Sends one request and hands the answer to `read`, after which the connection is free.
   * A success, 416 to a range, or for HEAD a redirect to another host, is an answer.
   * @throws TransientError where another try may help; UserError where it will not
   */
  async request<T>(request: HubRequest, read: (answer: Response, chunks: Chunks) => Promise<T>): Promise<T> {
    const place = `${this.repository}: ${request.what}`;
    const stall = new StallTimer(this.patience.stallTimeoutMs, place, request.signal);
    try {
      const answer = await this.#follow(request, stall);
      return await read(answer, watched(answer, stall, place));
    } finally {
      stall.stop();
    }
  }

  async #follow(request: HubRequest, stall: StallTimer): Promise<Response> {
    const { origin } = new URL(this.settings.endpoint);
    let url = new URL(`${this.settings.endpoint}${request.path}`);
    let trusted = true;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.#send(url, request, trusted, stall);
      const next = redirectOf(answer, url, this.repository);
      if (next === null) return this.#accept(answer, request, trusted);
      // Of a large file this answer has size and checksum; the storage host's has neither.
      if (request.method === 'HEAD' && next.origin !== origin) return answer;
      await answer.body?.cancel();
      trusted &&= next.origin === origin;
      url = next;
    }
    throw new UserError(`${this.repository}: ${request.what}: is redirected without end`);
  }

  async #send(url: URL, request: HubRequest, trusted: boolean, stall: StallTimer): Promise<Response> {
    const { token } = this.settings;
    const headers = {
      'user-agent': 'halflight',
      // Sizes and ranges count the file's own bytes.
      'accept-encoding': 'identity',
      ...request.headers,
      ...(trusted && token !== null ? { authorization: `Bearer ${token}` } : {}),
    };
    try {
      const { method } = request;
      return await fetch(url, { method, headers, redirect: 'manual', signal: stall.signal });
    } catch (error) {
      throw networkError(error, stall, `${this.repository}: ${url.host}`, this.settings.unusedProxy);
    } finally {
      stall.touch();
    }
  }

  #accept(answer: Response, request: HubRequest, trusted: boolean): Response {
    const isAnswer = answer.ok || (answer.status === 416 && request.headers?.range !== undefined);
    if (isAnswer) return answer;
    const { endpoint, token } = this.settings;
    const { repository } = this;
    const subject = { repository, what: request.what, endpoint, hasToken: token !== null };
    throw refusal(answer, { ...subject, fromEndpoint: trusted }, this.patience);
  }
}

/** null where the answer is no redirect. Throws UserError where it leads off the web, or from TLS to plain text. */
function redirectOf({ status, headers }: Response, from: URL, repository: string): URL | null {
  const location = headers.get('location');
  if (!REDIRECTS.includes(status) || location === null) return null;
  const next = URL.canParse(location, from.href) ? new URL(location, from) : null;
  const safe = next !== null && (next.protocol === 'https:' || next.protocol === from.protocol);
  if (safe && next.username === '') return next;
  throw new UserError(`${repository}: ${from.host} redirects to an address that is not safe; not followed`);
}

/** Ends a request that brings no byte for a while, or that nobody waits for any more. */
class StallTimer {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #start: () => NodeJS.Timeout;
  #timer: NodeJS.Timeout;

  constructor(timeoutMs: number, place: string, outer: AbortSignal) {
    this.#outer = outer;
    const stalled = new TransientError(`${place}: no byte came for ${timeoutMs / 1000} s`);
    this.#start = () => setTimeout(() => this.#controller.abort(stalled), timeoutMs);
    this.#timer = this.#start();
    outer.addEventListener('abort', this.#forward);
    if (outer.aborted) this.#forward();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A byte came, or is waited for from now on. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  /** Until the next touch nobody waits. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  stop(): void {
    this.pause();
    this.#outer.removeEventListener('abort', this.#forward);
    // Closes the connection of a body that was not read to its end.
    this.#controller.abort();
  }

  readonly #forward = () => this.#controller.abort(this.#outer.reason);
}

/** Time that the reader takes between two chunks is not the server's. */
async function* watched({ body }: Response, stall: StallTimer, place: string): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  for (;;) {
    stall.touch();
    const next = await reader.read().catch((error: unknown) => {
      throw networkError(error, stall, place);
    });
    if (next.done) return;
    stall.pause();
    yield next.value;
  }
}

/** `fetch` rejects with its signal's reason, or with a TypeError whose cause tells more. @param proxy a variable that Node passes over */
function networkError(
  error: unknown,
  { signal }: StallTimer,
  place: string,
  proxy: string | null = null,
): unknown {
  if (signal.aborted) return signal.reason;
  if (!(error instanceof TypeError)) return error;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : error.message;
  const hint =
    proxy === null ? '' : `; ${proxy} is taken with NODE_USE_ENV_PROXY=1 alone, by Node 22.21, 24 and later`;
  return new TransientError(`${place}: the connection failed (${code})${hint}`);
}
