import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { ApiError } from '../errors.js';
import { refusal } from './chat-template.js';
import type { RenderRequest, RenderResult } from './template-messages.js';

export interface TemplateLimits {
  /** For one template; a process that takes longer is killed. */
  readonly timeoutMs: number;
  readonly maxHeapMiB: number;
  /** Templates that may wait for the one that is rendered. */
  readonly maxWaiting: number;
  /** For the process to be ready. */
  readonly startTimeoutMs: number;
}

export const TEMPLATE_LIMITS: TemplateLimits = {
  timeoutMs: 250,
  maxHeapMiB: 64,
  maxWaiting: 16,
  startTimeoutMs: 10_000,
};

/**
 * Renders templates, or variables, of callers in a process of its own: a template language with loops can take any time and memory, and
 * an out-of-memory of V8 ends its process. The process starts with the first of them and serves them all, one after another.
 */
export class TemplateProcess {
  #child: Promise<ChildProcess> | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #numWaiting = 0;
  #isClosed = false;

  constructor(readonly limits: TemplateLimits = TEMPLATE_LIMITS) {}

  /** @throws ApiError `invalid_value` where the template refuses or takes too much, `queue_full` where too many wait */
  async render(request: RenderRequest): Promise<string> {
    if (this.#numWaiting > this.limits.maxWaiting) {
      throw new ApiError('queue_full', 'Too many chat templates of requests wait to be rendered.', null, 1);
    }
    this.#numWaiting += 1;
    const result = this.#turn.then(() => this.#render(request));
    this.#turn = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#numWaiting -= 1;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
    await this.#stop();
  }

  async #render(request: RenderRequest): Promise<string> {
    if (this.#isClosed) throw new ApiError('not_ready', 'The server is shutting down.', null, 5);
    const child = await this.#connected();
    const result = await this.#answer(child, request);
    if (result === null) {
      await this.#stop();
      const { timeoutMs, maxHeapMiB } = this.limits;
      throw refusal(`it takes more than ${timeoutMs} ms or ${maxHeapMiB} MiB`);
    }
    if ('error' in result) throw refusal(result.error);
    return result.text;
  }

  async #connected(): Promise<ChildProcess> {
    const running = await this.#child?.catch(() => null);
    if (running?.connected) return running;
    this.#child = this.#start();
    return this.#child;
  }

  /** Nothing of the server's environment goes along, and what V8 prints of an out-of-memory goes nowhere. */
  async #start(): Promise<ChildProcess> {
    const child = fork(new URL('./template-worker.js', import.meta.url), [], {
      execArgv: [`--max-old-space-size=${this.limits.maxHeapMiB}`, '--disallow-code-generation-from-strings'],
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.unref();
    child.channel?.unref();
    const ready = await within(once(child, 'message'), this.limits.startTimeoutMs);
    if (ready !== null) return child;
    child.kill('SIGKILL');
    throw new ApiError('not_ready', 'The process that renders chat templates does not start.', null, 5);
  }

  /** null where there is none in time, or the process ended. */
  async #answer(child: ChildProcess, request: RenderRequest): Promise<RenderResult | null> {
    const controller = new AbortController();
    const { signal } = controller;
    const answered = once(child, 'message', { signal }).then(([result]) => result as RenderResult);
    const exited = once(child, 'exit', { signal }).then(() => null);
    child.send(request, (error) => error !== null && controller.abort());
    const result = await within(
      Promise.race([answered, exited]).catch(() => null),
      this.limits.timeoutMs,
    );
    controller.abort();
    await Promise.allSettled([answered, exited]);
    return result;
  }

  async #stop(): Promise<void> {
    const child = await this.#child?.catch(() => null);
    this.#child = null;
    if (child === null || child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.ref();
    child.kill('SIGKILL');
    await exited;
  }
}

/** null where it takes longer, or fails. */
async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, null);
  });
  try {
    return await Promise.race([work.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
