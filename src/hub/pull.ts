import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { cacheError, freeBytes, lockFolder, prepareCache, RepositoryCache } from './cache.js';
import { HubClient } from './client.js';
import { type Download, download } from './download.js';
import { type Blob, fetchBlob, fetchListing, type Listing } from './listing.js';
import { withLock } from './lock.js';
import { isCommit, type Repository } from './names.js';
import { type GgufChoice, type Selection, selectFiles } from './select.js';
import type { HubSettings } from './settings.js';
import { PATIENCE, type Patience, UnreachableError } from './tries.js';

export interface PullOptions {
  readonly settings: HubSettings;
  /** Take what the cache has and ask nobody. */
  readonly localFilesOnly: boolean;
  /** GGUF file to take, by path or name; null for none named. */
  readonly ggufFile: string | null;
  /** Bytes of the files to fetch, and of those how many are there. */
  readonly onProgress: (loadedBytes: number, totalBytes: number) => void;
  /** A line for the user that is no error. */
  readonly onNote: (note: string) => void;
  readonly patience?: Patience;
  /** Bytes that are free in a folder. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

const NUM_AT_ONCE = 4;

interface Pull {
  readonly repository: Repository;
  readonly options: PullOptions;
  readonly cache: RepositoryCache;
  readonly client: HubClient;
  readonly choice: GgufChoice;
}

/** A file with what it should hold. */
type NeededFile = Omit<Download, 'commit'>;

/**
 * Makes a repository's model be in the cache. Resolves with the path of its folder, or of its GGUF file.
 * @throws UserError that says what to do
 */
export async function pull(repository: Repository, options: PullOptions): Promise<string> {
  const { settings, ggufFile, patience = PATIENCE } = options;
  const { id, quantization } = repository;
  const cache = new RepositoryCache(settings.cacheDir, id);
  const client = new HubClient(id, settings, patience);
  if (ggufFile !== null && quantization !== null)
    throw new UserError(`--gguf-file: ${id}:${quantization} names a file already; give one of the two`);
  const choice = { file: ggufFile, quantization };
  try {
    return await pullOrFind({ repository, options, cache, client, choice });
  } catch (error) {
    throw cacheError(error, settings.cacheDir);
  }
}

async function pullOrFind(task: Pull): Promise<string> {
  const { options, repository, client } = task;
  if (options.localFilesOnly || options.settings.offline) return findCached(task, false);
  if (isCommit(repository.revision)) {
    const found = await findCached(task, true).catch(unlessUserError);
    if (found !== null) return found;
  }
  try {
    return await fetchModel(task, await fetchListing(client, repository, new AbortController().signal));
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const found = await findCached(task, false).catch(unlessUserError);
    if (found === null) throw error;
    options.onNote(`${error.message}; taking ${found} from the cache`);
    return found;
  }
}

/**
 * What the cache has of the model.
 * @param certain whether it must have a tokenizer too, as what someone else fetched may not
 */
async function findCached({ repository, options, cache, choice }: Pull, certain: boolean): Promise<string> {
  const { id, revision } = repository;
  const commit = await cache.readRef(revision);
  const files = commit === null ? [] : await cache.files(commit);
  if (commit === null || files.length === 0) {
    const reason = options.localFilesOnly ? '--local-files-only is given' : 'HF_HUB_OFFLINE is set';
    throw new UserError(
      `${id}: revision ${revision} is not in the cache ${options.settings.cacheDir}, and ${reason}; run \`halflight pull ${id}\` without`,
    );
  }
  const selection = selectFiles(id, files, choice);
  if (certain && selection.gguf === null && !files.includes('tokenizer.json'))
    throw new UserError(`${id}: tokenizer.json: missing`);
  return modelPath(cache, commit, selection);
}

function modelPath(cache: RepositoryCache, commit: string, { gguf }: Selection): string {
  return gguf === null ? cache.snapshot(commit) : join(cache.snapshot(commit), gguf);
}

async function fetchModel(task: Pull, { commit, files }: Listing): Promise<string> {
  const { repository, cache, client, choice, options } = task;
  const blobs = new Map(files.map(({ path, blob }) => [path, blob]));
  const selection = selectFiles(repository.id, [...blobs.keys()], choice);
  const { signal } = new AbortController();
  const needed = await mapLimited(selection.files, NUM_AT_ONCE, async (path) => {
    return { path, blob: blobs.get(path) ?? (await fetchBlob(client, commit, path, signal)) };
  });
  const there = await Promise.all(needed.map(({ path, blob }) => cache.hasFile(commit, path, blob)));
  if (there.includes(false)) {
    await prepareCache(options.settings.cacheDir);
    const onWait = () => options.onNote(`${repository.id}: another process is fetching it; waiting`);
    const folder = lockFolder(options.settings.cacheDir, repository.id);
    await withLock(folder, (lost) => fetchFiles(task, commit, needed, lost), onWait);
  }
  await cache.writeRef(repository.revision, commit);
  return modelPath(cache, commit, selection);
}

/** All blobs, then all links: a snapshot with some of a model's files would look like one with all. */
async function fetchFiles(
  { cache, client, options }: Pull,
  commit: string,
  needed: readonly NeededFile[],
  lost: AbortSignal,
): Promise<void> {
  await mkdir(join(cache.folder, 'blobs'), { recursive: true });
  const missing = await missingFiles(cache, needed);
  await checkSpace(client.repository, cache, missing, options);
  const progress = new Progress(missing, options.onProgress);
  await mapLimited(
    missing,
    NUM_AT_ONCE,
    (file, signal) =>
      download(client, cache, { ...file, commit }, (bytes) => progress.set(file.blob, bytes), signal),
    lost,
  );
  for (const { path, blob } of needed) await cache.link(commit, path, blob.etag);
}

/** Files of the same content share a blob, which is fetched once. */
async function missingFiles(
  cache: RepositoryCache,
  needed: readonly NeededFile[],
): Promise<readonly NeededFile[]> {
  const byEtag = new Map(needed.map((file) => [file.blob.etag, file]));
  const files = await Promise.all(
    [...byEtag.values()].map(async (file) => ((await cache.has(file.blob)) ? [] : [file])),
  );
  return files.flat();
}

async function checkSpace(
  repository: string,
  cache: RepositoryCache,
  missing: readonly NeededFile[],
  options: PullOptions,
): Promise<void> {
  const parts = await Promise.all(missing.map(({ blob }) => cache.partSize(blob)));
  const needed = missing.reduce((sum, { blob }, i) => sum + Math.max(0, blob.size - parts[i]), 0);
  const free = await (options.freeBytes ?? freeBytes)(cache.folder);
  if (needed <= free) return;
  throw new UserError(
    `${repository}: needs ${gigabytes(needed)} in ${options.settings.cacheDir}, where ${gigabytes(free)} are free; make room, or set HF_HUB_CACHE to a folder on another disk`,
  );
}

/** Bytes of several files as one sum. */
class Progress {
  readonly #loaded = new Map<string, number>();
  readonly #total: number;

  constructor(
    files: readonly NeededFile[],
    private readonly onProgress: (loadedBytes: number, totalBytes: number) => void,
  ) {
    this.#total = files.reduce((sum, { blob }) => sum + blob.size, 0);
  }

  set({ etag }: Blob, bytes: number): void {
    this.#loaded.set(etag, bytes);
    let sum = 0;
    for (const loaded of this.#loaded.values()) sum += loaded;
    this.onProgress(sum, this.#total);
  }
}

/**
 * `work` on every item, a few at once. The first failure aborts the others, and is thrown once they have ended.
 * @param outer aborts all
 */
async function mapLimited<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  outer?: AbortSignal,
): Promise<R[]> {
  const failed = new AbortController();
  const onOuter = () => failed.abort(outer?.reason);
  outer?.addEventListener('abort', onOuter);
  if (outer?.aborted) onOuter();
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [i, item] of queue) {
      failed.signal.throwIfAborted();
      results[i] = await work(item, failed.signal);
    }
  };
  const workers = Array.from({ length: atOnce }, () =>
    worker().catch((error: unknown) => failed.abort(error)),
  );
  await Promise.all(workers);
  outer?.removeEventListener('abort', onOuter);
  failed.signal.throwIfAborted();
  return results;
}

function unlessUserError(error: unknown): null {
  if (error instanceof UserError) return null;
  throw error;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
