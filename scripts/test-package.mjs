// Packs the package, installs it in an empty folder and serves from there: npm run test:package. Needs the registry, or npm's cache.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, StepError, step } from './steps.mjs';

function npm(cwd, ...args) {
  const ran = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (ran.status !== 0) throw new StepError(`npm ${args.join(' ')} failed:\n${ran.stdout}\n${ran.stderr}`);
}

/** Resolves with the URL when the server has told it. */
function serve(folder) {
  const file = join(folder, 'node_modules/.bin/halflight');
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  const server = spawn(file, ['serve', '--port', '0', '--no-autotune'], { cwd: folder, env });
  let output = '';
  const url = new Promise((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        const [, found] = /url +(http:\S+)[\s\S]*curl .*\n/.exec(output) ?? [];
        if (found !== undefined) resolve(found);
      });
    }
    server.on('exit', (code) => reject(new StepError(`it ended with ${code}:\n${output}`)));
  });
  return { server, url };
}

async function complete(url) {
  const body = JSON.stringify({ prompt: 'Once upon a time', max_tokens: 16, temperature: 0 });
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
  const { choices, usage } = await reply.json();
  if (usage?.completion_tokens !== 16) throw new StepError(`no completion: status ${reply.status}`);
  return choices[0].text;
}

/** The page and one of its parts. */
async function openPage(url) {
  for (const path of ['/', '/web/main.js']) {
    const { status } = await fetch(url + path);
    if (status !== 200) throw new StepError(`${path} answers with ${status}`);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'halflight-package-'));
try {
  await step('Packing', () => npm(root, 'pack', '--pack-destination', folder));
  const [tarball] = readdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"name":"empty","private":true}');
  await step('Installing', () => npm(folder, 'install', '--prefer-offline', `./${tarball}`));
  const { server, url } = serve(folder);
  const text = await step('Serving', async () => {
    await openPage(await url);
    return complete(await url);
  });
  const code = await step('Stopping', () => {
    server.kill('SIGTERM');
    return new Promise((resolve) => server.once('exit', resolve));
  });
  if (code !== 0) throw new StepError(`SIGTERM: exit code ${code}`);
  console.log(`${tarball} serves: ${JSON.stringify(text)}`);
} finally {
  rmSync(folder, { recursive: true });
}
