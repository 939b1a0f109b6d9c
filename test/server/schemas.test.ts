import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ChatBody } from '#halflight/server/chat-schemas.js';
import { Common, CompletionBody } from '#halflight/server/schemas.js';
import { root } from '../support/paths.js';

/** Fields in the first column of the section's table, parts of fields left out. */
function documented(title: string): string[] {
  const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
  const section = page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
}

t.test('docs/api.md lists each parameter in the table of its endpoint, and no other', (t) => {
  const own = (properties: object) => Object.keys(properties).filter((name) => !(name in Common));
  t.strictSame(
    documented('Parameters of both endpoints').sort(),
    Object.keys(Common)
      .filter((name) => name !== 'stream_options')
      .sort(),
  );
  t.strictSame(documented('Completions').sort(), own(CompletionBody.properties).sort());
  t.strictSame(documented('Chat').sort(), own(ChatBody.properties).sort());
  t.end();
});
