import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../support/paths.js';
import { script } from './modules.js';

interface LockEntry {
  readonly version?: string;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Lock = Readonly<Record<string, LockEntry>>;

const { isInstalled } = await script<{ isInstalled(wanted: Lock, present: Lock | null): boolean }>(
  'dependencies.mjs',
);

const WANTED: Lock = {
  '': { version: '0.1.0' },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/a-darwin': { version: '1.0.0', optional: true },
};

t.test('node_modules is complete when each package is there in its version', (t) => {
  t.ok(
    isInstalled(WANTED, {
      'node_modules/a': { version: '1.0.0' },
      'node_modules/a-darwin': { version: '1.0.0' },
    }),
  );
  t.end();
});

t.test('a package for another platform may be absent', (t) => {
  t.ok(isInstalled(WANTED, { 'node_modules/a': { version: '1.0.0' } }));
  t.end();
});

t.test('a missing package, another version, or no installation at all asks for npm ci', (t) => {
  t.notOk(isInstalled(WANTED, { 'node_modules/a-darwin': { version: '1.0.0' } }));
  t.notOk(isInstalled(WANTED, { 'node_modules/a': { version: '1.0.1' } }));
  t.notOk(
    isInstalled(WANTED, {
      'node_modules/a': { version: '1.0.0' },
      'node_modules/a-darwin': { version: '2.0.0' },
    }),
  );
  t.notOk(isInstalled(WANTED, null));
  t.end();
});

t.test('the lockfile names every optional package, or npm ci would refuse it', (t) => {
  const lock: { packages: Lock } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const names = new Set(Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const wanted = Object.values(lock.packages).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}),
  );
  t.strictSame(
    wanted.filter((name) => !names.has(name)),
    [],
  );
  t.end();
});
