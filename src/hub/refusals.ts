import { UserError } from '../errors.js';
import { quoted } from './names.js';
import { type Patience, TransientError } from './tries.js';

/** Whose request was refused, for the message. */
export interface Subject {
  /** Its id. */
  readonly repository: string;
  /** Revision or file that was asked for. */
  readonly what: string;
  readonly endpoint: string;
  readonly hasToken: boolean;
  /** Whether the endpoint itself answered, and not the host that it sent us to. */
  readonly fromEndpoint: boolean;
}

const TOKEN_PAGE = '/settings/tokens';

/**
 * What an answer other than success means to the user: a UserError that says what to do, or a TransientError.
 * Source: the hub's `X-Error-Code` header, as huggingface_hub reads it (`utils/_http.py`).
 */
export function refusal(response: Response, subject: Subject, patience: Patience): Error {
  const { status, headers } = response;
  const { repository, endpoint } = subject;
  const place = `${repository}: ${subject.what}`;
  if (status === 429) return rateLimit(headers.get('retry-after'), place, patience);
  if (status >= 500 || status === 408) return new TransientError(`${place}: the server answers ${status}`);
  // A link to a storage host holds for minutes: the next try asks the endpoint for another.
  if (!subject.fromEndpoint) return new TransientError(`${place}: the storage host answers ${status}`);
  const code = headers.get('x-error-code');
  if (status === 403 || code === 'GatedRepo') {
    return new UserError(
      `${repository}: is gated (${status}): accept its terms at ${endpoint}/${repository} and set HF_TOKEN to a token of that account that may read it (${endpoint}${TOKEN_PAGE})`,
    );
  }
  if (status === 401) return new UserError(unauthorized(code, subject));
  if (status === 404) return new UserError(notFound(code, subject));
  return new UserError(`${place}: ${endpoint} answers ${status}${shown(code)}`);
}

/** The hub answers 401 for a repository that is not there, too. */
function unauthorized(code: string | null, { repository, endpoint, hasToken }: Subject): string {
  return hasToken && code !== 'RepoNotFound'
    ? `${repository}: the token is not accepted (401): set HF_TOKEN to a valid one (${endpoint}${TOKEN_PAGE})`
    : `${repository}: neither a folder here nor a public repository of ${endpoint} (401): check the name; for a private or gated one set HF_TOKEN (${endpoint}${TOKEN_PAGE})`;
}

function notFound(code: string | null, { repository, what, endpoint }: Subject): string {
  if (code === 'RevisionNotFound')
    return `${repository}: has no ${what} (404): see the branches and tags at ${endpoint}/${repository}/tree/main`;
  if (code === 'EntryNotFound') return `${repository}: has no ${what} (404)`;
  return `${repository}: neither a folder here nor a repository of ${endpoint} with ${what} (404): check the name`;
}

function rateLimit(retryAfter: string | null, place: string, { maxRetryAfterMs }: Patience): Error {
  const waitMs = retryAfter === null ? null : waitOf(retryAfter);
  if (waitMs === null || waitMs <= maxRetryAfterMs)
    return new TransientError(`${place}: too many requests (429)`, waitMs);
  return new UserError(
    `${place}: too many requests (429): try again in ${Math.ceil(waitMs / 1000)} seconds; a token in HF_TOKEN raises the limit`,
  );
}

/** `Retry-After` in ms: seconds, or a date (RFC 9110, section 10.2.3). */
function waitOf(retryAfter: string): number | null {
  if (/^\d+$/.test(retryAfter)) return 1000 * Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

function shown(code: string | null): string {
  return code === null ? '' : ` ${quoted(code)}`;
}
