import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { absent, type RepositoryCache } from './cache.js';
import type { Chunks, HubClient, HubRequest } from './client.js';
import { type Blob, filePath } from './listing.js';
import { TransientError, withTries } from './tries.js';

/** A file to fetch into the cache's blobs. */
export interface Download {
  /** Within the repository. */
  readonly path: string;
  readonly commit: string;
  readonly blob: Blob;
}

/**
 * Fetches one blob: into its part, which a later call goes on with, then under its name once size and checksum are right.
 * @param onBytes told how many bytes of the blob are there; fewer than before where it starts anew
 * @throws UserError that names the file
 */
export async function download(
  client: HubClient,
  cache: RepositoryCache,
  file: Download,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const part = await Part.open(cache.part(file.blob.etag), file.blob, onBytes);
  try {
    const fetchRest = () => fetchInto(client, file, part, signal);
    if (part.size < file.blob.size) await withTries(client.patience, signal, fetchRest, () => part.size);
    if (!part.isWhole()) throw await part.discard(client.repository, file.path);
    await part.rename(cache.blob(file.blob.etag));
  } finally {
    await part.close();
  }
}

/** One request for the bytes that are missing. */
function fetchInto(client: HubClient, file: Download, part: Part, signal: AbortSignal): Promise<void> {
  const request: HubRequest = {
    path: filePath(client.repository, file.commit, file.path),
    method: 'GET',
    what: file.path,
    ...(part.size === 0 ? {} : { headers: { range: `bytes=${part.size}-` } }),
    signal,
  };
  return client.request(request, async (answer, chunks) => {
    const { status } = answer;
    if (part.size > 0 && !continues(answer, part.size, file.blob.size)) {
      await part.restart();
      if (status !== 200)
        throw new TransientError(`${file.path}: the server sends another range (${status})`);
    }
    await receive(chunks, part, `${client.repository}: ${file.path}`, file.blob.size);
  });
}

/** Whether an answer goes on where the part ends: a server may ignore ranges and send all. */
function continues({ status, headers }: Response, from: number, size: number): boolean {
  return status === 206 && headers.get('content-range') === `bytes ${from}-${size - 1}/${size}`;
}

async function receive(chunks: Chunks, part: Part, place: string, size: number): Promise<void> {
  for await (const chunk of chunks) {
    if (part.size + chunk.length > size) {
      await part.restart();
      throw new UserError(
        `${place}: the server sends more than the ${size} bytes that it should have; not kept`,
      );
    }
    await part.append(chunk);
  }
  if (part.size < size) throw new TransientError(`${place}: ended after ${part.size} of ${size} bytes`);
}

/** The file with what has come of a blob, and the checksum so far. */
class Part {
  #size = 0;

  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    private hash: Hash,
    private readonly blob: Blob,
    private readonly onBytes: (bytes: number) => void,
  ) {}

  /** Goes on with an older part, if there is one that may be the blob's start. */
  static async open(file: string, blob: Blob, onBytes: (bytes: number) => void): Promise<Part> {
    const found = await lstat(file).catch(absent);
    if (found !== null && (!found.isFile() || found.size > blob.size)) await rm(file, { recursive: true });
    // Never through a link, which could lead out of the cache.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    const part = new Part(file, await open(file, flags), newHash(blob), blob, onBytes);
    try {
      await part.#readOld();
      return part;
    } catch (error) {
      await part.close();
      throw error;
    }
  }

  async #readOld(): Promise<void> {
    for await (const chunk of createReadStream(this.file)) this.#count(chunk as Buffer);
  }

  #count(bytes: Uint8Array): void {
    this.hash.update(bytes);
    this.#size += bytes.length;
    this.onBytes(this.#size);
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.handle.appendFile(bytes);
    this.#count(bytes);
  }

  async restart(): Promise<void> {
    await this.handle.truncate(0);
    this.hash = newHash(this.blob);
    this.#size = 0;
    this.onBytes(0);
  }

  isWhole(): boolean {
    return this.#size === this.blob.size && this.hash.digest('hex') === this.blob.etag;
  }

  /** Deletes what came. Resolves with the error that says so. */
  async discard(repository: string, path: string): Promise<UserError> {
    await rm(this.file, { force: true });
    const kind = this.blob.etag.length === 64 ? 'SHA-256' : 'Git SHA-1';
    return new UserError(
      `${repository}: ${path}: what came does not have the ${kind} that the hub tells, and was deleted; run this again to fetch it anew`,
    );
  }

  /** On the disk before it has its name: a blob of that name is taken to be whole. */
  async rename(to: string): Promise<void> {
    await this.handle.datasync();
    await rename(this.file, to);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** Git's SHA-1 of a file is that of a header and its content. */
function newHash({ etag, size }: Blob): Hash {
  return etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}
