// Runs test/clients/openai_client.py against a server of the bundled model: npm run test:python-client [-- PYTHON …], default python3.
// PYTHON is a command that runs Python with the package `openai`; it need not see this folder, only 127.0.0.1.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture, root, StepError, setRuntimeDirectory, urlOf } from './steps.mjs';

const KEY = 'secret';

async function main(python) {
  const [command, ...args] = python.length > 0 ? python : ['python3'];
  const { status, output } = capture(command, [...args, '-c', 'import openai']);
  if (status !== 0)
    throw new StepError(`${command} has no package openai.`, { output, advice: 'Run pip install openai.' });
  setRuntimeDirectory();
  const server = spawn(
    process.execPath,
    ['dist/cli.js', 'serve', '--port', '0', '--no-autotune', '--api-key', KEY],
    { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  try {
    return await runChecks(command, [...args, '-', await urlOf(server), KEY]);
  } finally {
    server.kill('SIGTERM');
  }
}

async function runChecks(command, args) {
  const client = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  client.stdin.end(readFileSync(join(root, 'test/clients/openai_client.py')));
  const [code] = await once(client, 'exit');
  return code ?? 1;
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof StepError)) throw error;
  for (const text of [error.output, error.message, error.advice]) if (text !== '') console.error(text);
  return 1;
});
