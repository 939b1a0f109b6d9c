import cliProgress from 'cli-progress';
import type { LoadProgress } from '../engine/options.js';
import { formatBytes, formatCount, formatDuration } from './format.js';
import { type Rate, RateMeter } from './rate.js';

/** How far a stage of work is. */
export interface Progress {
  readonly stage: string;
  /** In the stage's own unit. */
  readonly done: number;
  readonly total: number;
  /** What of the stage is worked on, such as a layer. */
  readonly detail?: string;
  /** Stays on the screen, on a line of its own. */
  readonly note?: string;
}

export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Takes the bar away. More updates bring it back. */
  stop(): void;
}

interface Stage {
  readonly label: string;
  /** Writes an amount of the stage's unit; null where its amount says nothing. */
  readonly format: ((amount: number) => string) | null;
  /** Whether rate and time left are worth telling. */
  readonly timed?: boolean;
}

const STAGES: Readonly<Record<string, Stage>> = {
  download: { label: 'downloading', format: formatBytes, timed: true },
  weights: { label: 'loading weights', format: formatBytes, timed: true },
  autotune: { label: 'measuring kernels', format: formatCount },
  kernels: { label: 'compiling kernels', format: null },
  matrices: { label: 'measuring matrices', format: formatCount, timed: true },
  quantize: { label: 'quantizing', format: formatBytes, timed: true },
  windows: { label: 'scoring windows', format: formatCount },
  questions: { label: 'scoring questions', format: formatCount },
};

const LINE_EVERY_MS = 10_000;

/**
 * A bar on a terminal, elsewhere a line for each stage and, of those that take long, one every ten seconds. Both go to standard error: standard output
 * is for results.
 */
export function showProgress(
  stream: NodeJS.WriteStream = process.stderr,
  everyMs = LINE_EVERY_MS,
): ProgressDisplay {
  return stream.isTTY ? showBar(stream) : showLines(stream, everyMs);
}

/** Shows what `work` reports while it loads, and takes the display away however it ends. */
export async function whileLoading<T>(
  display: ProgressDisplay,
  work: (onProgress: (progress: LoadProgress) => void) => Promise<T>,
): Promise<T> {
  try {
    return await work((progress) => display.update(progress));
  } finally {
    display.stop();
  }
}

/** The terminal's settings stay as they are: a signal that ends the process could not restore them. */
function showBar(stream: NodeJS.WriteStream): ProgressDisplay {
  const bar = new cliProgress.SingleBar(
    { stream, format: '{label} [{bar}] {amount}', clearOnComplete: true, barsize: 16, linewrap: true },
    cliProgress.Presets.shades_classic,
  );
  const meters = new Map<string, RateMeter>();
  return {
    update: (progress) => {
      if (progress.note !== undefined) {
        bar.stop();
        stream.write(`${progress.note}\n`);
        return;
      }
      const meter = meters.get(progress.stage) ?? new RateMeter();
      meters.set(progress.stage, meter);
      const payload = barText(progress, meter.update(progress.done, progress.total, performance.now()));
      if (!bar.isActive) bar.start(progress.total, 0, payload);
      bar.setTotal(progress.total);
      bar.update(progress.done, payload);
    },
    stop: () => bar.stop(),
  };
}

/** @param everyMs time after which a stage that is still going on, and whose pace is worth telling, gets another line */
function showLines(stream: NodeJS.WriteStream, everyMs: number): ProgressDisplay {
  const shown = new Map<string, { readonly meter: RateMeter; lineMs: number }>();
  const start = ({ stage, total }: Progress, nowMs: number) => {
    const { label, format } = stageOf(stage);
    const made = { meter: new RateMeter(), lineMs: nowMs };
    shown.set(stage, made);
    stream.write(format === null ? `${label}\n` : `${label}: ${format(total)}\n`);
    return made;
  };
  return {
    update: (progress) => {
      const { stage, done, total, note } = progress;
      if (note !== undefined) {
        stream.write(`${note}\n`);
        return;
      }
      const nowMs = performance.now();
      const line = shown.get(stage) ?? start(progress, nowMs);
      const rate = line.meter.update(done, total, nowMs);
      if (stageOf(stage).timed !== true || done >= total || nowMs - line.lineMs < everyMs) return;
      line.lineMs = nowMs;
      const { label, amount } = barText(progress, rate);
      stream.write(`${label}: ${amount}\n`);
    },
    stop: () => undefined,
  };
}

function barText(progress: Progress, rate: Rate | null): { label: string; amount: string } {
  const { stage, done, total, detail } = progress;
  const { label: name, format, timed } = stageOf(stage);
  const label = detail === undefined ? name : `${name} ${detail}`;
  if (format === null) return { label, amount: '' };
  const pace =
    timed === true && rate !== null
      ? `, ${format(Math.round(rate.perSecond))}/s, ${formatDuration(rate.secondsLeft)} left`
      : '';
  return { label, amount: `${format(done)} of ${format(total)}${pace}` };
}

function stageOf(name: string): Stage {
  return STAGES[name] ?? { label: name, format: null };
}
