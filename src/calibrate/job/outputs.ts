import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';

/** The one file of the output folder that a GGUF model is. */
export const GGUF_FILE = 'model.gguf';

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

/** The folder to work in, empty where it is to begin anew. */
export async function preparePartial(out: string, overwrite: boolean): Promise<string> {
  const partial = partialOf(out);
  if (overwrite) await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  return partial;
}

/** Gives the finished folder its name; one that it replaces goes at the last moment. */
export async function publish(out: string): Promise<void> {
  const replaced = `${out}.replaced`;
  await rm(replaced, { recursive: true, force: true });
  await rename(out, replaced).catch(absent);
  await rename(partialOf(out), out);
  await rm(replaced, { recursive: true, force: true });
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
