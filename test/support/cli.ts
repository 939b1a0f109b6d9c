import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Test } from 'tap';
import { root } from './paths.js';

const CLI = join(root, 'dist', 'cli.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Without Dawn's remarks on a software adapter's limits. */
  readonly stderr: string;
}

/** A child process of the command line, its output as far as it has come. */
export class Cli {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output = { stdout: '', stderr: '' };

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [CLI, ...args]);
    this.#child.stdin.end();
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name].setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text;
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  /** Resolves when standard output matches. Rejects when the process ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (this.#child.exitCode !== null)
        throw new Error(`ended before it said ${pattern}: ${this.#output.stderr}`);
      await Promise.race([once(this.#child.stdout, 'data'), once(this.#child, 'close')]);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Nobody reads standard output from now on. */
  hangUp(): void {
    this.#child.stdout.destroy();
  }

  async ended(): Promise<Ended> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) await once(this.#child, 'close');
    const { stdout, stderr } = this.#output;
    return {
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
      stdout,
      stderr: stderr.replace(/^Warning: max\w+ artificially reduced.*\n/gm, ''),
    };
  }
}

/** Runs the command line to its end. */
export function halflight(...args: string[]): Promise<Ended> {
  return new Cli(args).ended();
}

/** `halflight serve` on a free port, ended with the test. */
export async function startServer(t: Test, ...args: string[]): Promise<{ cli: Cli; url: string }> {
  const cli = new Cli(['serve', '--port', '0', '--no-autotune', ...args]);
  t.teardown(async () => {
    cli.kill('SIGKILL');
    await cli.ended();
  });
  const [, url] = await cli.says(/url\s+(http:\/\/\S+)[\s\S]*curl .*\n/);
  return { cli, url };
}
