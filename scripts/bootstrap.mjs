#!/usr/bin/env node
// Takes a fresh machine with nothing but Node and npm to a running server (`start`) or to test results (`test`).
// `setup` stops after the dependencies and the Vulkan driver.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSource, buildTests } from './build.mjs';
import { lint, runTests, testFiles } from './checks.mjs';
import { ensureChromium } from './chromium.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { root, StepError, setRuntimeDirectory } from './steps.mjs';
import { ensureVulkan } from './vulkan.mjs';

const OLDEST_NODE = 20;
const BROWSER_TESTS = join('dist-test', 'web');

const MODES = {
  setup: async () => {},
  start: async (args) => {
    if (isCheckout()) await buildSource();
    await runCommandLine(['serve', ...args]);
  },
  test: async (args) => {
    await buildTests();
    await lint();
    if (testFiles(args).some((file) => file.startsWith(BROWSER_TESTS))) await ensureChromium();
    process.exitCode = await runTests(args);
  },
};

async function main([mode, ...args]) {
  if (!Object.hasOwn(MODES, mode ?? ''))
    throw new StepError('Usage: bootstrap.mjs setup|start|test [arguments]');
  setRuntimeDirectory();
  if (isCheckout()) await ensureDependencies();
  await ensureVulkan();
  await MODES[mode](args);
}

/** The published package holds dist/ but no sources, and npm has installed its dependencies. */
function isCheckout() {
  return existsSync(join(root, 'src'));
}

/** In this process, so that signals and the exit code are the server's own. */
async function runCommandLine(args) {
  const file = join(root, 'dist/cli.js');
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}

function report(error) {
  if (!(error instanceof StepError)) throw error;
  for (const text of [error.output.trim(), error.message, error.advice]) if (text !== '') console.error(text);
  process.exitCode = 1;
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error(
    `halflight needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}. See https://nodejs.org/`,
  );
  process.exitCode = 1;
} else {
  await main(process.argv.slice(2)).catch(report);
}
