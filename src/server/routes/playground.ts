import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

/** Of the checkout, or of the published package. */
const WEB = fileURLToPath(new URL('../../../web', import.meta.url));

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page runs what this server serves and nothing else, and speaks to it alone. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/**
 * `GET /`: a page to try the models with, and its parts under `/web/`. They hold no secrets and need no key, so that a
 * browser can open the page on which the key is entered.
 */
export function addPlayground(app: FastifyInstance): void {
  for (const name of readdirSync(WEB)) {
    const type = CONTENT_TYPES[extname(name)];
    if (type === undefined) continue;
    const content = readFileSync(join(WEB, name));
    app.get(
      name === 'index.html' ? '/' : `/web/${name}`,
      { schema: { hide: true }, config: { public: true } },
      async (_request, reply) => reply.headers({ ...HEADERS, 'content-type': type }).send(content),
    );
  }
}
