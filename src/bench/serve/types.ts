/** What crosses between the command, the process that sends the requests, and the summary. All of it is plain data. */

export interface Message {
  readonly role: string;
  readonly content: string;
}

/** One request before it is written in the words of an API. */
export interface PromptRequest {
  /** Text, token ids, or the messages of a chat. */
  readonly prompt: string | readonly number[] | readonly Message[];
  /** Tokens of the answer at most. */
  readonly outputLen: number;
}

export type BackendName = 'openai' | 'openai-chat' | 'vllm' | 'llama-server';

export interface Target {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly backend: BackendName;
  readonly model: string;
  /** null sends none. */
  readonly apiKey: string | null;
  readonly ignoreEos: boolean;
  readonly temperature: number;
  readonly timeoutMs: number;
}

export interface LoadPlan {
  readonly target: Target;
  readonly warmups: readonly PromptRequest[];
  readonly requests: readonly PromptRequest[];
  /** When each arrives, ms after the start, ascending. */
  readonly arrivalsMs: readonly number[];
  /** null bounds nothing. */
  readonly maxConcurrency: number | null;
}

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** One request as it went; times in ms. */
export interface RequestRecord {
  /** When it was sent, after the start. */
  readonly sentMs: number;
  /** From then until text came, each time. */
  readonly timesMs: readonly number[];
  /** From then until nothing more came. */
  readonly endMs: number;
  /** As the server counts; null where it did not say. */
  readonly usage: Usage | null;
  /** Why there is no whole answer, such as `HTTP 429`; null where there is one. */
  readonly error: string | null;
  /** The server's words where it refused; null where there are none. */
  readonly reason: string | null;
}

/** How late the sender itself was. */
export interface ClientHealth {
  /** Share of the time in which its event loop was busy, 0–1. */
  readonly utilization: number;
  /** ms that timers came late. */
  readonly meanLagMs: number;
  readonly p99LagMs: number;
  readonly maxLagMs: number;
}

export interface LoadReport {
  readonly records: readonly RequestRecord[];
  /** From the first request's time to the end of the last. */
  readonly durationMs: number;
  readonly client: ClientHealth;
}

export interface LoadProgress {
  readonly done: number;
  readonly inFlight: number;
  readonly failed: number;
  readonly total: number;
  /** Texts that came so far; a token each, but where a server joins some. */
  readonly numChunks: number;
  readonly elapsedMs: number;
  /** Of the TTFT of what has begun to be answered; null before. */
  readonly p50TtftMs: number | null;
  readonly p99TtftMs: number | null;
}

/** What the sending process is told, and tells. */
export type ToClient = { readonly type: 'plan'; readonly plan: LoadPlan } | { readonly type: 'go' };
export type FromClient =
  | { readonly type: 'warm'; readonly error: string | null }
  | { readonly type: 'progress'; readonly progress: LoadProgress }
  | { readonly type: 'report'; readonly report: LoadReport };
