import { existsSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { script } from './modules.js';

interface Part {
  readonly from: string;
  readonly to: string;
}

interface Build {
  isStale(part: Part, base: string): boolean;
  removeOrphans(part: Part, base: string): void;
}

const { isStale, removeOrphans } = await script<Build>('build.mjs');
const PART = { from: 'src', to: 'dist' };

t.test('a build is stale without its stamp', (t) => {
  const base = project(t);
  t.notOk(isStale(PART, base));
  rmSync(join(base, 'dist/.built'));
  t.ok(isStale(PART, base));
  t.end();
});

for (const file of ['src/a.ts', 'src/deep/b.ts', 'tsconfig.json', 'package-lock.json']) {
  t.test(`a build is stale when ${file} has changed since`, (t) => {
    const base = project(t);
    writeFileSync(join(base, file), 'changed');
    t.ok(isStale(PART, base));
    t.end();
  });
}

t.test('a build is stale when a source was removed or renamed', (t) => {
  const removed = project(t);
  rmSync(join(removed, 'src/deep/b.ts'));
  t.ok(isStale(PART, removed));
  const renamed = project(t);
  renameSync(join(renamed, 'src/a.ts'), join(renamed, 'src/c.ts'));
  t.ok(isStale(PART, renamed));
  t.end();
});

t.test('outputs go when their source is gone, and nothing else goes', (t) => {
  const base = project(t);
  rmSync(join(base, 'src/a.ts'));
  removeOrphans(PART, base);
  for (const name of ['a.js', 'a.js.map', 'a.d.ts']) t.notOk(existsSync(join(base, 'dist', name)), name);
  for (const name of ['deep/b.js', 'deep/b.d.ts', '.built']) t.ok(existsSync(join(base, 'dist', name)), name);
  t.end();
});

t.test('a project that was never built has no outputs to remove', (t) => {
  removeOrphans(PART, t.testdir({ src: {} }));
  t.end();
});

/** A project built a moment ago, whose sources are an hour old. */
function project(t: Test): string {
  const base = t.testdir({
    src: { 'a.ts': '', deep: { 'b.ts': '' } },
    dist: { 'a.js': '', 'a.js.map': '', 'a.d.ts': '', deep: { 'b.js': '', 'b.d.ts': '' }, '.built': '' },
    'tsconfig.json': '{}',
    'package.json': '{}',
    'package-lock.json': '{}',
  });
  const hourAgo = Date.now() / 1000 - 3600;
  const inputs = [
    'src/a.ts',
    'src/deep/b.ts',
    'src/deep',
    'src',
    'tsconfig.json',
    'package.json',
    'package-lock.json',
  ];
  for (const path of inputs) utimesSync(join(base, path), hourAgo, hourAgo);
  utimesSync(join(base, 'dist/.built'), hourAgo + 60, hourAgo + 60);
  return base;
}
