import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../support/paths.js';

const lines = (file: string) => readFileSync(join(root, file), 'utf8').split('\n');
const copies = lines('docker/Dockerfile')
  .filter((line) => line.startsWith('COPY '))
  .map((line) => line.split(' ').slice(1, -1));

t.test('what is copied into the image is there, and .dockerignore lets it through', async (t) => {
  const [first, ...rest] = lines('.dockerignore').filter(Boolean);
  t.equal(first, '**');
  const kept = new Set(rest.map((line) => line.replace('!', '')));
  for (const path of copies.filter(([from]) => !from?.startsWith('--from')).flat()) {
    const name = path.replace('*', '');
    t.ok(kept.has(name), name);
    // .npmrc* may be there or not.
    t.ok(existsSync(join(root, name)) || path.endsWith('*'), name);
  }
});

t.test('the image has each folder of the package', async (t) => {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  const copied = copies.filter(([from]) => from?.startsWith('--from')).map(([, path]) => path);
  // Of the scripts one table is needed.
  const paths = files.map((name) => (name === 'scripts' ? 'scripts/drivers.json' : name));
  for (const path of paths) t.ok(copied.includes(`/src/${path}`), path);
});
