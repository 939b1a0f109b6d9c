import cliProgress from 'cli-progress';
import type { LoadProgress } from '../engine/options.js';
import { formatBytes, formatCount } from './format.js';

/** How far a stage of work is. */
export interface Progress {
  readonly stage: string;
  /** In the stage's own unit. */
  readonly done: number;
  readonly total: number;
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
}

const STAGES: Readonly<Record<string, Stage>> = {
  weights: { label: 'loading weights', format: formatBytes },
  autotune: { label: 'measuring kernels', format: formatCount },
  kernels: { label: 'compiling kernels', format: null },
  windows: { label: 'scoring windows', format: formatCount },
};

/** A bar on a terminal, a line per stage elsewhere. Both go to standard error: standard output is for results. */
export function showProgress(stream: NodeJS.WriteStream = process.stderr): ProgressDisplay {
  return stream.isTTY ? showBar(stream) : showLines(stream);
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
    { stream, format: '{label} [{bar}] {amount}', clearOnComplete: true, barsize: 30, linewrap: true },
    cliProgress.Presets.shades_classic,
  );
  return {
    update: (progress) => {
      if (progress.note !== undefined) {
        bar.stop();
        stream.write(`${progress.note}\n`);
        return;
      }
      const payload = barText(progress);
      if (!bar.isActive) bar.start(progress.total, 0, payload);
      bar.setTotal(progress.total);
      bar.update(progress.done, payload);
    },
    stop: () => bar.stop(),
  };
}

function showLines(stream: NodeJS.WriteStream): ProgressDisplay {
  const shown = new Set<string>();
  return {
    update: ({ stage, total, note }) => {
      if (note !== undefined) stream.write(`${note}\n`);
      if (note !== undefined || shown.has(stage)) return;
      shown.add(stage);
      const { label, format } = stageOf(stage);
      stream.write(format === null ? `${label}\n` : `${label}: ${format(total)}\n`);
    },
    stop: () => undefined,
  };
}

function barText({ stage, done, total }: Progress): { label: string; amount: string } {
  const { label, format } = stageOf(stage);
  return { label, amount: format === null ? '' : `${format(done)} of ${format(total)}` };
}

function stageOf(name: string): Stage {
  return STAGES[name] ?? { label: name, format: null };
}
