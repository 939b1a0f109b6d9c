import { UserError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../text/json-file.js';
import type { Chunks, HubClient } from './client.js';
import { checkFilePath, isChecksum, isCommit, type Repository } from './names.js';
import { withTries } from './tries.js';

/** A file of a repository as the hub lists it. */
export interface ListedFile {
  /** Within the repository, with `/`. */
  readonly path: string;
  /** null where the listing does not say. */
  readonly blob: Blob | null;
}

/** Content of a file, by checksum: SHA-256 (64 hex digits) of a large file, Git's SHA-1 of a small one (40). */
export interface Blob {
  readonly etag: string;
  /** In bytes. */
  readonly size: number;
}

export interface Listing {
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

/** A repository of 100,000 files takes some 20 MB. */
const MAX_LISTING_BYTES = 64 * 2 ** 20;

/** The files of a revision. Throws UserError where the hub refuses, or what it answers is no listing. */
export function fetchListing(
  client: HubClient,
  { id, revision }: Repository,
  signal: AbortSignal,
): Promise<Listing> {
  const path = `/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const request = { path, method: 'GET', what: `revision ${revision}`, signal } as const;
  return withTries(client.patience, signal, async () => {
    const text = await client.request(request, (_, chunks) => collect(chunks, id));
    return parseListing(text, id);
  });
}

/** Size and checksum of a file of which the listing tells neither, from the headers of its answer. */
export function fetchBlob(
  client: HubClient,
  commit: string,
  path: string,
  signal: AbortSignal,
): Promise<Blob> {
  const request = {
    path: filePath(client.repository, commit, path),
    method: 'HEAD',
    what: path,
    signal,
  } as const;
  return withTries(client.patience, signal, () =>
    client.request(request, async ({ headers }) => {
      const etag = headers.get('x-linked-etag') ?? headers.get('etag') ?? '';
      const size = headers.get('x-linked-size') ?? headers.get('content-length') ?? '';
      const blob = blobOf(
        etag.replace(/^W\//, '').replaceAll('"', ''),
        /^\d+$/.test(size) ? Number(size) : null,
      );
      if (blob !== null) return blob;
      throw new UserError(
        `${client.repository}: ${path}: the server tells no size and checksum, so it could not be verified; not read`,
      );
    }),
  );
}

/** Where a file of a commit is, below the endpoint. */
export function filePath(repository: string, commit: string, path: string): string {
  return `/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

async function collect(chunks: Chunks, repository: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MAX_LISTING_BYTES) throw notListed(repository);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parseListing(text: string, repository: string): Listing {
  const listing = parseObject(text);
  const commit = listing?.sha;
  const siblings = listing?.siblings;
  if (typeof commit !== 'string' || !isCommit(commit) || !Array.isArray(siblings))
    throw notListed(repository);
  return { commit, files: siblings.map((sibling: unknown) => listedFile(sibling, repository)) };
}

function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function listedFile(value: unknown, repository: string): ListedFile {
  if (!isJsonObject(value) || typeof value.rfilename !== 'string') throw notListed(repository);
  const path = checkFilePath(value.rfilename, repository);
  const { lfs } = value;
  return { path, blob: isJsonObject(lfs) ? blobOf(lfs.sha256, lfs.size) : blobOf(value.blobId, value.size) };
}

function blobOf(etag: unknown, size: unknown): Blob | null {
  if (typeof etag !== 'string' || !isChecksum(etag)) return null;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return null;
  return { etag, size };
}

function notListed(repository: string): UserError {
  return new UserError(`${repository}: the server does not answer as a hub does; see HF_ENDPOINT`);
}
