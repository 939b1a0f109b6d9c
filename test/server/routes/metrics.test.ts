import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../../support/paths.js';
import { testServer } from '../../support/server.js';

t.test('answers in the text format of Prometheus', async (t) => {
  const reply = await testServer().inject('/metrics');
  t.match(reply.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  for (const line of reply.body.split('\n').filter((line) => line !== '' && !line.startsWith('# '))) {
    t.match(line, /^[\w:]+\{.*model_name="fable",engine="0".*\} \S+$/);
  }
});

t.test('docs/api.md lists each metric under its kind, and no other', async (t) => {
  const { body } = await testServer().inject('/metrics');
  const served = [...body.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, kind]) => `${kind} ${name}`);
  const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8').split('## Metrics')[1];
  const documented = [...page.matchAll(/^\| (gauge|counter|histogram)s \| (.*) \|$/gm)].flatMap(
    ([, kind, names]) => [...names.matchAll(/`([\w:]+)`/g)].map(([, name]) => `${kind} ${name}`),
  );
  t.strictSame(documented.sort(), served.sort());
});
