import { constants } from 'node:fs';
import {
  access,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { UserError } from '../errors.js';
import type { Blob } from './listing.js';
import { isCommit } from './names.js';

/**
 * A repository's folder in the cache that Hugging Face's tools share.
 * Layout: `models--org--name/{blobs/<etag>, snapshots/<commit>/<file> → ../../blobs/<etag>, refs/<revision>}`, a ref being a file with
 * the commit. Source: huggingface_hub, "Understand caching".
 */
export class RepositoryCache {
  readonly folder: string;

  constructor(
    readonly cacheDir: string,
    repository: string,
  ) {
    this.folder = join(cacheDir, folderName(repository));
  }

  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /** What has come so far of a blob. */
  part(etag: string): string {
    return `${this.blob(etag)}.incomplete`;
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** The commit that a revision was when it was last fetched; null where it never was. */
  async readRef(revision: string): Promise<string | null> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(absent);
    return text !== null && isCommit(text.trim()) ? text.trim() : null;
  }

  async writeRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.readRef(revision)) === commit) return;
    const file = join(this.folder, 'refs', revision);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.${process.pid}.tmp`, commit);
    await rename(`${file}.${process.pid}.tmp`, file);
  }

  /** Paths of the files that a snapshot has whole, as the repository names them. */
  async files(commit: string): Promise<string[]> {
    const folder = this.snapshot(commit);
    const names = await readdir(folder, { recursive: true }).catch(absent);
    const found = await Promise.all(
      (names ?? []).map(async (name) =>
        (await stat(join(folder, name)).catch(absent))?.isFile() ? [name] : [],
      ),
    );
    return found.flat().map((name) => name.replaceAll(sep, '/'));
  }

  /** Whether the blob is there. Its name is its checksum, which was compared when it came. */
  async has({ etag, size }: Blob): Promise<boolean> {
    const found = await lstat(this.blob(etag)).catch(absent);
    return found?.isFile() === true && found.size === size;
  }

  /** Whether a snapshot has the file, with the size that it should have. */
  async hasFile(commit: string, path: string, { size }: Blob): Promise<boolean> {
    const found = await stat(join(this.snapshot(commit), path)).catch(absent);
    return found?.isFile() === true && found.size === size;
  }

  /** Bytes of the blob that have come. */
  async partSize({ etag }: Blob): Promise<number> {
    return (await lstat(this.part(etag)).catch(absent))?.size ?? 0;
  }

  /** Puts a blob that is there into a snapshot, by a relative link. */
  async link(commit: string, path: string, etag: string): Promise<void> {
    const snapshot = this.snapshot(commit);
    const file = join(snapshot, path);
    const folder = dirname(file);
    await mkdir(folder, { recursive: true });
    await checkWithin(await realpath(this.folder), folder);
    const target = relative(folder, this.blob(etag));
    if ((await readlink(file).catch(() => null)) === target) return;
    await rm(file, { force: true });
    // Windows lets few users make symbolic links.
    await symlink(target, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EPERM') throw error;
      return link(this.blob(etag), file);
    });
  }
}

/** A folder of the cache that is itself a link could lead a file anywhere. */
async function checkWithin(root: string, folder: string): Promise<void> {
  const real = await realpath(folder);
  if (!`${real}${sep}`.startsWith(`${root}${sep}`))
    throw new UserError(`${folder}: leads out of the cache, to ${real}; remove it`);
}

/** Where locks of a repository are, as huggingface_hub has them. */
export function lockFolder(cacheDir: string, repository: string): string {
  return join(cacheDir, '.locks', folderName(repository));
}

/** Bytes free for this user where a folder is, or will be. */
export async function freeBytes(folder: string): Promise<number> {
  const found = await statfs(folder).catch(absent);
  if (found === null) return freeBytes(dirname(folder));
  return found.bavail * found.bsize;
}

/** Creates the cache. Throws UserError where it cannot be written. */
export async function prepareCache(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await access(folder, constants.W_OK);
}

/** A failure of the file system, as one that says where and what to do; other errors pass through. */
export function cacheError(error: unknown, cacheDir: string): unknown {
  const code = codeOf(error);
  if (code === null || !(error instanceof Error && 'syscall' in error)) return error;
  const file = 'path' in error && typeof error.path === 'string' ? error.path : cacheDir;
  return new UserError(`${file}: ${PROBLEMS[code] ?? code}; HF_HUB_CACHE names another folder for models`);
}

const PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EROFS: 'the file system cannot be written',
  ENOSPC: 'no space left',
  EDQUOT: 'no quota left',
  ENOTDIR: 'a file is where a folder should be',
  ELOOP: 'is a link, where a file should be',
};

function folderName(repository: string): string {
  return `models--${repository.replace('/', '--')}`;
}

/** The repository that a path of a cache's snapshot belongs to; null for other paths. */
export function repositoryOf(path: string): string | null {
  const [, first, second] = /[\\/]models--([\w.-]+?)(?:--([\w.-]+))?[\\/]snapshots[\\/]/.exec(path) ?? [];
  if (first === undefined) return null;
  return second === undefined ? first : `${first}/${second}`;
}

/** null for what is not there; other errors pass through. */
export function absent(error: unknown): null {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
  throw error;
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}
