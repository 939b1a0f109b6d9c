import type { LoadProgress } from '../bench/serve/types.js';
import { formatCount } from './format.js';

export interface LoadDisplay {
  update(progress: LoadProgress): void;
  /** Leaves the last line as it is. */
  stop(): void;
}

const LINE_EVERY_MS = 10_000;

/** One line on standard error that is written again and again; where no terminal shows it, a new one every ten seconds. @param label what is loaded, before the figures */
export function showLoad(label: string, stream: NodeJS.WriteStream = process.stderr): LoadDisplay {
  let shownMs = 0;
  let isOpen = false;
  return {
    update: (progress) => {
      const text = `${label}${progressText(progress)}`;
      if (stream.isTTY) stream.write(`\r\x1b[2K${text.slice(0, stream.columns - 1)}`);
      else if (progress.done === progress.total || progress.elapsedMs - shownMs >= LINE_EVERY_MS) {
        stream.write(`${text}\n`);
        shownMs = progress.elapsedMs;
      }
      isOpen = stream.isTTY;
    },
    stop: () => {
      if (isOpen) stream.write('\n');
      isOpen = false;
    },
  };
}

export function progressText(progress: LoadProgress): string {
  const { done, total, inFlight, failed, numChunks, elapsedMs, p50TtftMs, p99TtftMs } = progress;
  const rate = elapsedMs > 0 ? (1000 * numChunks) / elapsedMs : 0;
  const ttft =
    p50TtftMs === null || p99TtftMs === null
      ? ''
      : `, TTFT p50 ${p50TtftMs.toFixed(0)} ms, p99 ${p99TtftMs.toFixed(0)} ms`;
  return `${formatCount(done)} of ${formatCount(total)} done, ${inFlight} in flight, ${failed} failed, ${rate.toFixed(1)} tokens/s${ttft}`;
}
