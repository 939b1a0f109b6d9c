import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export const COMMIT = 'c0ffee'.padEnd(40, '0');

/** Content of a file of the fake hub. Large files are kept on the storage host, as with Git LFS. */
export interface HubFile {
  readonly content: Buffer;
  readonly large: boolean;
}

/** Answers a request in place of the hub; false leaves it to the hub. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HubServer {
  readonly endpoint: string;
  /** Of the host that large files are redirected to. */
  readonly storage: string;
  readonly files: Map<string, HubFile>;
  /** As `GET /path`, with the range where there is one. */
  readonly requests: string[];
  /** Authorization headers by host: what the endpoint and the storage host were sent. */
  readonly keys: { readonly endpoint: string[]; readonly storage: string[] };
  /** Asked before every answer, of both hosts. */
  fault: Fault;
  /** Listing in place of the true one. */
  listing: object | null;
}

export const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
export const gitSha1 = (content: Buffer) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
export const etagOf = ({ content, large }: HubFile) => (large ? sha256(content) : gitSha1(content));

/** A server that speaks the hub's API about the repository org/name, and another host for its large files. */
export async function startHub(
  t: Test,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<HubServer> {
  const hub = {
    files: new Map(Object.entries(files).map(([name, content]) => [name, hubFile(name, content)])),
    requests: [],
    keys: { endpoint: [], storage: [] },
    fault: () => false,
    listing: null,
  };
  const state: HubServer = { ...hub, endpoint: '', storage: '' };
  const storage = await listen(t, state, 'storage', (request, response) => {
    const file = [...state.files.values()].find((file) => request.url === `/blob/${etagOf(file)}`);
    send(request, response, file?.content ?? null);
  });
  const endpoint = await listen(t, state, 'endpoint', (request, response) =>
    answer(state, request, response),
  );
  return Object.assign(state, { endpoint, storage });
}

function hubFile(name: string, content: string | Buffer): HubFile {
  return { content: Buffer.from(content), large: /\.(safetensors|gguf)$/.test(name) };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function listen(
  t: Test,
  state: HubServer,
  host: keyof HubServer['keys'],
  handle: Handler,
): Promise<string> {
  const server = createServer((request, response) => {
    const { range, authorization } = request.headers;
    state.requests.push([request.method, request.url, range].filter((part) => part !== undefined).join(' '));
    state.keys[host].push(authorization ?? 'none');
    if (!state.fault(request, response)) handle(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(state: HubServer, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(request.url?.replace(/\?.*/, '') ?? '');
  if (
    ['main', 'v1', 'refs/pr/1', COMMIT].some(
      (revision) => path === `/api/models/org/name/revision/${revision}`,
    )
  ) {
    response.end(JSON.stringify(state.listing ?? listingOf(state)));
    return;
  }
  if (path.startsWith('/api/models/org/name/revision/')) {
    refuse(response, 404, 'RevisionNotFound');
    return;
  }
  if (path.startsWith('/api/')) {
    refuse(response, 401, 'RepoNotFound');
    return;
  }
  const file = state.files.get(path.replace(`/org/name/resolve/${COMMIT}/`, ''));
  if (file === undefined) {
    refuse(response, 404, 'EntryNotFound');
    return;
  }
  response.setHeader('x-repo-commit', COMMIT);
  if (!file.large) {
    response.setHeader('etag', `"${etagOf(file)}"`);
    send(request, response, file.content);
    return;
  }
  response.writeHead(302, {
    location: `${state.storage}/blob/${etagOf(file)}`,
    'x-linked-etag': `"${etagOf(file)}"`,
    'x-linked-size': file.content.length,
  });
  response.end();
}

/** What `?blobs=true` gives. */
export function listingOf({ files }: Pick<HubServer, 'files'>) {
  return {
    sha: COMMIT,
    siblings: [...files].map(([rfilename, file]) => {
      const size = file.content.length;
      const lfs = file.large ? { lfs: { sha256: sha256(file.content), size, pointerSize: 134 } } : {};
      return { rfilename, size, blobId: gitSha1(file.content), ...lfs };
    }),
  };
}

export function refuse(response: ServerResponse, status: number, code = '', headers: object = {}): void {
  response.writeHead(status, { 'x-error-code': code, ...headers });
  response.end('{"error":"no"}');
}

function send(request: IncomingMessage, response: ServerResponse, content: Buffer | null): void {
  if (content === null) {
    refuse(response, 404);
    return;
  }
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const last = content.length - 1;
  if (from > 0) response.writeHead(206, { 'content-range': `bytes ${from}-${last}/${content.length}` });
  else response.writeHead(200, { 'content-length': content.length });
  response.end(request.method === 'HEAD' ? undefined : content.subarray(from));
}
