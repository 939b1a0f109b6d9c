// Compiles src/ to dist/ and test/ to dist-test/, only when an input is newer than the last successful build.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, root, step } from './steps.mjs';

const SOURCE = { project: 'tsconfig.json', from: 'src', to: 'dist' };
const TESTS = { project: 'test/tsconfig.json', from: 'test', to: 'dist-test' };
const SHARED_INPUTS = ['tsconfig.json', 'package.json', 'package-lock.json'];
const STAMP = '.built';

export function buildSource() {
  return build([SOURCE], 'Compiling');
}

export function buildTests() {
  return build([SOURCE, TESTS], 'Type-checking and compiling with the tests');
}

async function build(parts, title) {
  if (!parts.some((part) => isStale(part, root))) return;
  const started = new Date();
  await step(title, () => {
    for (const part of parts) removeOrphans(part, root);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    must(process.execPath, [tsc, '-b', parts.at(-1).project], 'Mend the errors above, then run this again.');
  });
  for (const part of parts) writeStamp(part, started);
}

/** An edit during the build must count as newer, so the stamp bears the time of the start. */
function writeStamp({ to }, time) {
  mkdirSync(join(root, to), { recursive: true });
  writeFileSync(join(root, to, STAMP), '');
  utimesSync(join(root, to, STAMP), time, time);
}

export function isStale({ from, to }, base) {
  const stamp = join(base, to, STAMP);
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  const inputs = [...SHARED_INPUTS, from].map((path) => join(base, path));
  return inputs.some((path) => newestMs(path) > built);
}

/** Newest change in a file or tree. A folder counts too: its time changes when a file in it is removed. */
function newestMs(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce(
    (newest, name) => Math.max(newest, newestMs(join(path, name))),
    stat.mtimeMs,
  );
}

/** Removes outputs whose source is gone: a renamed test must not run on under its old name. */
export function removeOrphans({ from, to }, base) {
  const output = join(base, to);
  if (!existsSync(output)) return;
  for (const file of readdirSync(output, { recursive: true })) {
    const stem = file.match(/^(.*?)(\.d\.ts|\.js|\.js\.map)$/)?.[1];
    if (stem !== undefined && !existsSync(join(base, from, `${stem}.ts`))) rmSync(join(output, file));
  }
}
