import { runLoad } from './client.js';
import type { Goodput } from './goodput.js';
import { bottleneck } from './lag.js';
import { type Agreement, agreement, type ServerSample } from './server-metrics.js';
import { type LoadSummary, type RequestTimes, summarize, timesOf } from './summary.js';
import type { ClientHealth, LoadPlan, LoadProgress } from './types.js';
import { ServerWatch } from './watch.js';

export interface MeasureOptions {
  readonly goodput: Goodput | null;
  /** Whether the server's own metrics are read meanwhile. */
  readonly watchServer: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface Measurement {
  readonly summary: LoadSummary;
  /** Of the whole answers. */
  readonly times: readonly RequestTimes[];
  readonly client: ClientHealth;
  /** Why these are the sender's figures and not the server's; null where they are not. */
  readonly bottleneck: string | null;
  /** null where the server was not watched. */
  readonly server: {
    readonly agreement: readonly Agreement[];
    readonly samples: readonly ServerSample[];
  } | null;
  /** Why a warm-up failed; null where none did. */
  readonly warmupError: string | null;
}

/** Loads a server as planned. Rejects where it is to be watched and tells no metrics, or the sending process ends early. */
export async function measureLoad(plan: LoadPlan, options: MeasureOptions): Promise<Measurement> {
  let watch: ServerWatch | null = null;
  let warmupError: string | null = null;
  const onWarm = async (error: string | null) => {
    warmupError = error;
    if (options.watchServer) watch = await ServerWatch.start(plan.target.baseUrl, plan.target.apiKey);
  };
  const hooks = { onWarm, ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }) };
  // Assigned in a callback, so its type is told again.
  const trace = () => (watch as ServerWatch | null)?.stop() ?? null;
  const report = await runLoad(plan, hooks).catch(async (error: unknown) => {
    await trace()?.catch(() => null);
    throw error;
  });
  const server = await trace();
  const summary = summarize(report, options.goodput);
  return {
    summary,
    times: report.records.map(timesOf).filter((one) => one !== null),
    client: report.client,
    bottleneck: bottleneck(report.client, {
      durationMs: report.durationMs,
      measuredMs: summary.mean_itl_ms ?? summary.mean_ttft_ms ?? 0,
    }),
    server:
      server === null
        ? null
        : { agreement: agreement(server.before, server.after, summary), samples: server.samples },
    warmupError,
  };
}

/** Asks for one short answer after another until one is whole. Resolves with the seconds from the start of this to its end; null where none is in `timeoutMs`. */
export async function recoverySeconds(plan: LoadPlan, timeoutMs: number): Promise<number | null> {
  const startMs = performance.now();
  const [request] = plan.requests;
  const one: LoadPlan = {
    ...plan,
    warmups: [],
    requests: [{ ...request, outputLen: 2 }],
    arrivalsMs: [0],
    target: { ...plan.target, timeoutMs },
  };
  while (performance.now() - startMs < timeoutMs) {
    const { records } = await runLoad(one);
    if (records[0]?.error === null) return (performance.now() - startMs) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return null;
}
