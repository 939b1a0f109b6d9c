import { type FileHandle, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { type LogitsSource, numScored, type OnWindow, type Window } from './windows.js';

/** Logits that outlive their model. */
export interface StoredRows extends LogitsSource {
  /** Takes the file away. */
  close(): Promise<void>;
}

/**
 * Keeps the rows of all windows in a temporary file, f32 as the model gave them, for a model that does not fit the device beside another.
 * Only these window objects can be read later. Throws UserError where the disk has no room for them.
 */
export async function storeRows(
  source: LogitsSource,
  windows: readonly Window[],
  { onWindow, parent = tmpdir() }: { onWindow?: OnWindow; parent?: string } = {},
): Promise<StoredRows> {
  const { vocabSize } = source;
  await checkRoom(4 * vocabSize * numScored(windows), parent);
  const folder = await mkdtemp(join(parent, 'halflight-logits-'));
  const file = await open(join(folder, 'logits.f32'), 'w+');
  const close = async () => {
    await file.close();
    await rm(folder, { recursive: true });
  };
  try {
    const starts = await writeRows(file, source, windows, onWindow);
    return { vocabSize, rows: (window) => readRows(file, vocabSize, window, starts), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function checkRoom(bytes: number, parent: string): Promise<void> {
  const { bavail, bsize } = await statfs(parent);
  if (bytes <= bavail * bsize) return;
  const [needed, free] = [bytes, bavail * bsize].map((count) => `${Math.ceil(count / 1e6)} MB`);
  throw new UserError(
    `the two models do not fit the device together, and their logits, ${needed}, not ${parent}, where ${free} are free; ` +
      'shorten the text, or set TMPDIR to a larger disk',
  );
}

/** Resolves with the byte at which each window's rows begin. */
async function writeRows(
  file: FileHandle,
  source: LogitsSource,
  windows: readonly Window[],
  onWindow?: OnWindow,
): Promise<ReadonlyMap<Window, number>> {
  const starts = new Map<Window, number>();
  let position = 0;
  for (const [i, window] of windows.entries()) {
    starts.set(window, position);
    for await (const row of source.rows(window)) {
      await file.write(row, 0, row.byteLength, position);
      position += row.byteLength;
    }
    onWindow?.(i + 1, windows.length);
  }
  return starts;
}

async function* readRows(
  file: FileHandle,
  vocabSize: number,
  window: Window,
  starts: ReadonlyMap<Window, number>,
): AsyncGenerator<Float32Array> {
  const start = starts.get(window);
  if (start === undefined) throw new Error('a window that was not stored');
  const row = new Float32Array(vocabSize);
  for (let i = 0; i < numScored([window]); i++) {
    await file.read(row, 0, row.byteLength, start + i * row.byteLength);
    yield row;
  }
}
