import t from 'tap';
import { UserError } from '#halflight/errors.js';
import { refusal, type Subject } from '#halflight/hub/refusals.js';
import { PATIENCE, TransientError } from '#halflight/hub/tries.js';

const SUBJECT: Subject = {
  repository: 'a/b',
  what: 'revision main',
  endpoint: 'https://hub.example',
  hasToken: false,
  fromEndpoint: true,
};

const refused = (status: number, headers: Record<string, string> = {}, changes: Partial<Subject> = {}) =>
  refusal(new Response(null, { status, headers }), { ...SUBJECT, ...changes }, PATIENCE);

const MESSAGES: readonly (readonly [string, Error, RegExp])[] = [
  [
    '401',
    refused(401),
    /^a\/b: neither a folder here nor a public repository .*check the name.*set HF_TOKEN/,
  ],
  [
    '401 with a token',
    refused(401, {}, { hasToken: true }),
    /^a\/b: the token is not accepted \(401\): set HF_TOKEN/,
  ],
  [
    '401 with a token, no repository',
    refused(401, { 'x-error-code': 'RepoNotFound' }, { hasToken: true }),
    /^a\/b: neither a folder here nor a public repository .* \(401\)/,
  ],
  [
    '403',
    refused(403),
    /^a\/b: is gated \(403\): accept its terms at https:\/\/hub\.example\/a\/b and set HF_TOKEN/,
  ],
  ['401 gated', refused(401, { 'x-error-code': 'GatedRepo' }), /^a\/b: is gated \(401\): accept its terms/],
  ['404', refused(404), /^a\/b: neither a folder here nor a repository of .* \(404\): check the name$/],
  [
    '404 revision',
    refused(404, { 'x-error-code': 'RevisionNotFound' }),
    /^a\/b: has no revision main \(404\): see the branches/,
  ],
  [
    '404 file',
    refused(404, { 'x-error-code': 'EntryNotFound' }, { what: 'x.json' }),
    /^a\/b: has no x\.json \(404\)$/,
  ],
  [
    '429 for long',
    refused(429, { 'retry-after': '3600' }),
    /^a\/b: .*: too many requests \(429\): try again in 3600 seconds/,
  ],
  ['418', refused(418, { 'x-error-code': 'Tea\u009bpot' }), /^a\/b: .* answers 418 "Tea\?pot"$/],
];

t.test('a refusal says what to do', (t) => {
  for (const [name, error, message] of MESSAGES) {
    t.ok(error instanceof UserError, name);
    t.match(error.message, message);
    t.notMatch(error.message, /\n/);
  }
  t.end();
});

t.test(
  'an error of the server, a short wait and a refusal by the storage host are worth another try',
  (t) => {
    const soon = new Date(Date.now() + 20_000).toUTCString();
    for (const error of [
      refused(500),
      refused(503),
      refused(408),
      refused(429),
      refused(403, {}, { fromEndpoint: false }),
    ])
      t.ok(error instanceof TransientError, error.message);
    t.match(refused(429, { 'retry-after': '2' }), { retryAfterMs: 2000 });
    const { retryAfterMs } = refused(429, { 'retry-after': soon }) as TransientError;
    t.ok(
      retryAfterMs !== null && retryAfterMs > 15_000 && retryAfterMs <= 20_000,
      `${retryAfterMs} ms until a date`,
    );
    t.match(refused(429, { 'retry-after': 'soon' }), { retryAfterMs: null });
    t.end();
  },
);
