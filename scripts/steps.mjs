// Steps with one plain line each, child processes, and how a failed step is reported.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** A step that cannot go on: what its command printed, and what the user can do about it. */
export class StepError extends Error {
  constructor(message, { output = '', advice = '' } = {}) {
    super(message);
    this.output = output;
    this.advice = advice;
  }
}

/** Runs `work` between `title` and the outcome with its duration on one line. */
export async function step(title, work) {
  const started = performance.now();
  const outcome = (word) => console.log(`${word} (${seconds(started)} s)`);
  process.stdout.write(`${title} … `);
  try {
    const result = await work();
    outcome('done');
    return result;
  } catch (error) {
    outcome('failed');
    throw error;
  }
}

export function seconds(started) {
  return ((performance.now() - started) / 1000).toFixed(1);
}

/** Exit status, stdout, and both streams together, of a command that has ended. A command that cannot run has status 127. */
export function capture(command, args, { env = process.env, timeoutMs } = {}) {
  const ran = spawnSync(command, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const problem = ran.error?.message ?? (ran.signal ? `ended by ${ran.signal}` : '');
  const stdout = ran.stdout ?? '';
  return {
    status: ran.status ?? 127,
    stdout,
    output: [stdout, ran.stderr, problem].filter(Boolean).join('\n'),
  };
}

/** As `capture`, but a command that fails is a StepError. */
export function must(command, args, advice, options) {
  const { status, output } = capture(command, args, options);
  const name = command === process.execPath ? basename(args[0]) : command;
  if (status !== 0) throw new StepError(`${name} exited with ${status}.`, { output, advice });
}

/** Runs a command in this terminal and resolves with its exit code; 1 where a signal ended it. */
export function foreground(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  // A terminal sends Ctrl-C to the child as well; others send their signal to this process alone.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Resolves when a GET of the address is answered with success. Rejects after a minute. */
export async function until(url) {
  for (let tries = 0; tries < 600; tries++) {
    const { ok } = await fetch(url).catch(() => ({ ok: false }));
    if (ok) return;
    await setTimeout(100);
  }
  throw new StepError(`${url} is not there after 60 s.`);
}

/** The address that a server writes to its standard output when it is ready. Rejects where it ends before. */
export function urlOf(server) {
  return new Promise((resolve, reject) => {
    let output = '';
    server.stdout.on('data', (part) => {
      output += part;
      const [, url] = /url\s+(http:\/\/\S+)\s/.exec(output) ?? [];
      if (url !== undefined) resolve(url);
    });
    server.on('exit', (code) =>
      reject(new StepError(`The server ended with ${code} before it was ready.`, { output })),
    );
  });
}

/** Mesa complains where XDG_RUNTIME_DIR is not set, as in containers and on CI. For this process and its children. */
export function setRuntimeDirectory() {
  if (process.platform !== 'linux' || process.env.XDG_RUNTIME_DIR) return;
  const uid = process.getuid();
  const path = join(tmpdir(), `halflight-runtime-${uid}`);
  mkdirSync(path, { mode: 0o700, recursive: true });
  process.env.XDG_RUNTIME_DIR = statSync(path).uid === uid ? path : mkdtempSync(`${path}-`);
}
