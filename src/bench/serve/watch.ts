import { UserError } from '../../errors.js';
import {
  type MetricValues,
  parseMetrics,
  readMetrics,
  type ServerSample,
  sampleOf,
} from './server-metrics.js';

const EVERY_MS = 250;

export interface ServerTrace {
  readonly before: MetricValues;
  readonly after: MetricValues;
  readonly samples: readonly ServerSample[];
}

/** Reads a server's metrics now and again until it is stopped. */
export class ServerWatch {
  readonly #samples: ServerSample[] = [];
  readonly #startMs = performance.now();
  #reading: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;
  #isBusy = false;

  private constructor(
    readonly read: () => Promise<string>,
    readonly before: MetricValues,
  ) {
    this.#timer = setInterval(() => this.#sample(), EVERY_MS);
  }

  /** Throws UserError where the server tells no metrics. */
  static async start(baseUrl: string, apiKey: string | null): Promise<ServerWatch> {
    const read = () =>
      readMetrics(baseUrl, apiKey).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        throw new UserError(`--server-metrics: ${baseUrl}/metrics cannot be read (${why}); leave it out`);
      });
    return new ServerWatch(read, parseMetrics(await read()));
  }

  /** Throws UserError where the server tells none any more. */
  async stop(): Promise<ServerTrace> {
    clearInterval(this.#timer);
    await this.#reading;
    return { before: this.before, after: parseMetrics(await this.read()), samples: this.#samples };
  }

  /** One that fails, or is slower than the next is due, leaves a gap. */
  #sample(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#reading = this.read()
      .then((text) => {
        this.#samples.push(sampleOf(parseMetrics(text), performance.now() - this.#startMs));
      })
      .catch(() => undefined)
      .finally(() => {
        this.#isBusy = false;
      });
  }
}
