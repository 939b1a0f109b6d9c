import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../errors.js';

/** Text of the file that `flag` names. Throws UserError, also where it has more than `maxBytes`. */
export async function readTextFile(
  flag: string,
  file: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > maxBytes) throw new UserError(`${flag}: ${file}: ${size} bytes, more than ${maxBytes}`);
    return await readFile(file, 'utf8');
  } catch (error) {
    throw fileProblem(flag, file, error);
  }
}

/** Throws UserError where the file that `flag` names cannot be written, before work is done for it. */
export async function checkWritable(flag: string, file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found?.isDirectory()) throw new UserError(`${flag}: ${file}: is a directory; name a file`);
  const folder = dirname(resolve(file));
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    throw fileProblem(flag, folder, error);
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'no such file or directory',
  EISDIR: 'is a directory; name a file',
  EACCES: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'no space left',
  EDQUOT: 'no space left of the quota',
  EFBIG: 'no space left: larger than a file may be here',
};

/** A system call's error as a UserError naming `flag`; any other as it is. */
export function fileProblem(flag: string, file: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error;
  const code = String(error.code);
  return new UserError(`${flag}: ${file}: ${PROBLEMS[code] ?? code}`);
}
