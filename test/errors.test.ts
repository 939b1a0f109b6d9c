import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ApiError, CheckpointError, ERRORS, type ErrorCode } from '#halflight/errors.js';
import { root } from './support/paths.js';

/** Rows `| code | status | type | … |` of the page. */
function documented(): Map<string, { status: number; type: string }> {
  const page = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');
  const rows = page.matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)` \|/gm);
  return new Map(
    [...rows].map(([, code = '', status, type = '']) => [code, { status: Number(status), type }]),
  );
}

t.test('every code is documented with its status and type, and no other', async (t) => {
  t.same(Object.fromEntries(documented()), ERRORS);
});

t.test('a body has the four keys of OpenAI', async (t) => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    t.same(new ApiError(code, 'why', 'stop').toBody(), {
      error: { message: 'why', type: ERRORS[code].type, param: 'stop', code },
    });
  }
  t.equal(new ApiError('not_ready', 'why').toBody().error.param, null);
});

t.test('an error of a model names the file and the field', async (t) => {
  t.equal(
    new CheckpointError('a/config.json', 'hidden_size', 'must be positive').message,
    'a/config.json: hidden_size: must be positive',
  );
});
