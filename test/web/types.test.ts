import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../support/paths.js';

t.test('the scripts of the page have no type errors', (t) => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const ran = spawnSync(process.execPath, [tsc, '-p', join(root, 'web')], { encoding: 'utf8' });
  t.equal(ran.stdout, '');
  t.equal(ran.status, 0);
  t.end();
});
