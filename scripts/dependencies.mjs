// Keeps node_modules equal to package-lock.json.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { must, root, step } from './steps.mjs';

export async function ensureDependencies() {
  if (isInstalled(readLock('package-lock.json'), readLock('node_modules/.package-lock.json'))) return;
  await step('Installing dependencies with npm ci', () => {
    // The build needs the development dependencies, which NODE_ENV=production would leave out.
    const [command, ...args] = [...npm(), 'ci', '--include=dev', '--no-audit', '--no-fund'];
    must(command, args, 'Check the network and the npm registry, then run this again.');
    // What the compiler found while a package was missing.
    for (const folder of ['dist', 'dist-test']) rmSync(join(root, folder, '.tsbuildinfo'), { force: true });
  });
}

/** Under `npm start`, npm names its own script; otherwise it is looked up in PATH. */
function npm() {
  const script = process.env.npm_execpath ?? '';
  return basename(script) === 'npm-cli.js' ? [process.execPath, script] : ['npm'];
}

function readLock(path) {
  const file = join(root, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : null;
}

/** npm writes `node_modules/.package-lock.json` last of all. A package for another platform is optional and may be absent. */
export function isInstalled(wanted, present) {
  if (present === null) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    return path in present ? present[path].version === entry.version : entry.optional === true;
  });
}
