import { readEvents } from './sse.js';

/** What the server refused, with its own words. */
export class Refusal extends Error {
  /**
   * @param {{ message: string, code: string | null }} error
   * @param {number | null} status null where it came within a stream
   * @param {string | null} retryAfter seconds
   */
  constructor({ message, code }, status, retryAfter) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/**
 * The names of the served models.
 * @param {string} key empty for none
 * @returns {Promise<string[]>}
 */
export async function listModels(key) {
  const reply = await call('v1/models', { headers: headersOf(key) });
  const { data } = await reply.json();
  return data.map((/** @type {{ id: string }} */ { id }) => id);
}

/**
 * The text of `/metrics`.
 * @param {string} key
 */
export async function readMetrics(key) {
  return (await call('metrics', { headers: headersOf(key) })).text();
}

/**
 * The chunks of an answer.
 * @param {{ path: string, body: object }} request
 * @param {string} key
 * @param {AbortSignal} signal stops the answer, here and on the server
 * @returns {AsyncGenerator<any, void, undefined>}
 */
export async function* streamAnswer({ path, body }, key, signal) {
  const headers = { ...headersOf(key), 'content-type': 'application/json' };
  const reply = await call(path, { method: 'POST', headers, body: JSON.stringify(body), signal });
  if (reply.body === null) return;
  for await (const chunk of readEvents(reply.body)) {
    if (chunk.error !== undefined) throw new Refusal(chunk.error, null, null);
    yield chunk;
  }
}

/**
 * Paths are relative to the page, so that a proxy may serve both below a path of its own.
 * @param {string} path
 * @param {RequestInit} options
 */
async function call(path, options) {
  const reply = await fetch(path, { ...options, credentials: 'omit', cache: 'no-store' });
  if (reply.ok) return reply;
  const { error } = await reply.json().catch(() => ({}));
  const known = error ?? { message: `The server answered with status ${reply.status}.`, code: null };
  throw new Refusal(known, reply.status, reply.headers.get('retry-after'));
}

/** @param {string} key @returns {Record<string, string>} */
function headersOf(key) {
  return key === '' ? {} : { authorization: `Bearer ${key}` };
}
