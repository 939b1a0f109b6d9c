import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { LOCK_FILE, LOCK_TIMES, type LockTimes, withLock } from '../../hub/lock.js';

/** The one file of the output folder that a GGUF model is. */
export const GGUF_FILE = 'model.gguf';

export const JOURNAL_FILE = 'quantization-journal.jsonl';
/** Without its ending. */
export const REPORT = 'quantization-report';

/** Files of a model beside its weights and config.json that a quantized one needs as they are. */
const COPIED =
  /^(generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$|^(merges\.txt|tokenizer\.model|chat_template\.jinja|LICENSE(\..*)?|NOTICE(\..*)?)$/;

/** What goes with a GGUF file, which holds all else. */
const TERMS = /^(LICENSE|NOTICE)(\..*)?$/;

/** Names within the model's folder. @param isGguf whether the output is a GGUF file */
export async function filesToCopy(dir: string, isGguf: boolean): Promise<readonly string[]> {
  const copied = isGguf ? TERMS : COPIED;
  return (await readdir(dir)).filter((name) => copied.test(name)).sort();
}

export async function copyFiles(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) await copyFile(join(from, name), join(to, name));
}

/** Where an output is made before it has its name: it looks like no model, and is gone on with where it is left. */
export function partialOf(out: string): string {
  return `${out}.partial`;
}

/**
 * Checks that the output may be written, before work is done for it. Throws UserError where the folder exists and is not to be replaced, or is no
 * model's, or is the model itself.
 */
export async function checkOutput(model: string, out: string, overwrite: boolean): Promise<void> {
  if (resolve(model) === resolve(out)) throw new UserError(`OUT: ${out}: is the model itself`);
  const found = await stat(out).catch(absent);
  if (found === null) return;
  if (!found.isDirectory()) throw new UserError(`OUT: ${out}: is a file; name a folder that does not exist`);
  if (!overwrite) throw new UserError(`OUT: ${out}: exists already; --overwrite replaces it`);
  const names = await readdir(out);
  if (names.length > 0 && !names.some((name) => name === 'config.json' || name === GGUF_FILE))
    throw new UserError(`OUT: ${out}: holds no model, so --overwrite does not replace it`);
}

/** The folder to work in, empty but for its lock where it is to begin anew. */
export async function preparePartial(out: string, overwrite: boolean): Promise<string> {
  const partial = partialOf(out);
  await mkdir(partial, { recursive: true });
  const names = overwrite ? await readdir(partial) : [];
  for (const name of names)
    if (!name.startsWith(LOCK_FILE)) await rm(join(partial, name), { recursive: true, force: true });
  return partial;
}

/** A lock of this age is of a process that is gone, also where that ran on another machine. Long work may leave it alone for hours. */
const LOCK: LockTimes = { ...LOCK_TIMES, staleMs: 24 * 3600 * 1000 };

/** Runs `work` while no other process writes to the same output. Rejects with UserError where one does; one that has died is none. */
export function whileLocked<T>(out: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const file = join(partialOf(out), LOCK_FILE);
  const refuse = () => {
    throw new UserError(`OUT: ${out}: another process is writing it (${file} tells which)`);
  };
  return withLock(partialOf(out), work, refuse, LOCK);
}

/** Gives the finished folder its name. One that it replaces has another until that is done: wherever this is cut off, `recover` finds both whole. */
export async function publish(out: string): Promise<void> {
  const replaced = replacedOf(out);
  await rename(out, replaced).catch(absent);
  await rename(partialOf(out), out);
  await rm(replaced, { recursive: true, force: true });
}

function replacedOf(out: string): string {
  return `${out}.replaced`;
}

/** Finishes a replacement that was cut off: the new folder gets its name where it is whole, else the old one gets it back. */
export async function recover(out: string): Promise<void> {
  if ((await stat(replacedOf(out)).catch(absent)) === null) return;
  await whileLocked(out, () => finishReplacing(out));
  await rm(join(out, LOCK_FILE), { force: true });
  const left = await readdir(partialOf(out)).catch(absent);
  if (left?.length === 0) await rmdir(partialOf(out));
}

async function finishReplacing(out: string): Promise<void> {
  const replaced = replacedOf(out);
  if ((await stat(out).catch(absent)) !== null) await rm(replaced, { recursive: true, force: true });
  else if (!(await isFinished(partialOf(out)))) await rename(replaced, out);
  else {
    await rename(partialOf(out), out);
    await rm(replaced, { recursive: true, force: true });
  }
}

/** The journal goes last of what a finished folder does not have. */
async function isFinished(partial: string): Promise<boolean> {
  const names = (await readdir(partial).catch(absent)) ?? [];
  return names.includes(`${REPORT}.md`) && !names.includes(JOURNAL_FILE);
}

/** Bytes that are free where a folder is or will be. */
export async function freeBytes(path: string): Promise<number> {
  const absolute = resolve(path);
  const stats = await statfs(absolute).catch(absent);
  if (stats === null) return freeBytes(dirname(absolute));
  return stats.bavail * stats.bsize;
}

/** Bytes of the disk that the files of a folder take; 0 where there is none. */
export async function takenBytes(dir: string): Promise<number> {
  const names = (await readdir(dir).catch(absent)) ?? [];
  const sizes = await Promise.all(names.map(async (name) => 512 * (await stat(join(dir, name))).blocks));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

const SAMPLES = 16;
const SAMPLE_BYTES = 2 ** 16;

/** SHA-256, in hex, of some pieces of a file that are spread evenly, the first at its start. */
export async function sampledSha256(file: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file);
  try {
    const buffer = new Uint8Array(SAMPLE_BYTES);
    for (let i = 0; i < SAMPLES; i++) {
      const { bytesRead } = await handle.read(buffer, 0, SAMPLE_BYTES, Math.floor((i * size) / SAMPLES));
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

/** SHA-256 of a file, in hex. */
export async function fileSha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Null for a file that is not there; other failures are thrown. */
function absent(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}
