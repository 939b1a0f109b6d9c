import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../support/paths.js';

t.test('an unknown mode is answered with the usage and exit code 1', (t) => {
  const ran = bootstrap(root, ['launch']);
  t.equal(ran.status, 1);
  t.match(ran.stderr, 'Usage: bootstrap.mjs setup|start|test');
  t.notMatch(ran.stderr, '    at ');
  t.end();
});

t.test('a failed step shows its output, what it was, and what to do', (t) => {
  const base = t.testdir({
    src: {},
    'package-lock.json': '{"packages":{"node_modules/a":{"version":"1.0.0"}}}',
    'npm-cli.js': 'console.error("npm error network"); process.exitCode = 1;',
  });
  cpSync(join(root, 'scripts'), join(base, 'scripts'), { recursive: true });
  const ran = bootstrap(base, ['setup'], { npm_execpath: join(base, 'npm-cli.js') });
  t.equal(ran.status, 1);
  t.match(ran.stdout, /^Installing dependencies with npm ci … failed \(\d+\.\d s\)$/m);
  t.equal(
    ran.stderr,
    'npm error network\nnpm-cli.js exited with 1.\nCheck the network and the npm registry, then run this again.\n',
  );
  t.end();
});

t.test(
  'a published package without sources starts its compiled command line with serve',
  { skip: !hasAdapter() },
  (t) => {
    const base = t.testdir({
      'package.json': '{"type":"module"}',
      dist: { 'cli.js': 'console.log(process.argv.slice(2).join(" ")); process.exitCode = 7;' },
      node_modules: t.fixture('symlink', join(root, 'node_modules')),
    });
    cpSync(join(root, 'scripts'), join(base, 'scripts'), { recursive: true });
    const ran = bootstrap(base, ['start', '--port', '0']);
    t.equal(ran.stdout, 'serve --port 0\n');
    t.equal(ran.status, 7);
    t.end();
  },
);

function hasAdapter(): boolean {
  return spawnSync(process.execPath, [join(root, 'scripts/probe.mjs')]).status === 0;
}

function bootstrap(base: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, [join(base, 'scripts/bootstrap.mjs'), ...args], {
    cwd: base,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}
