import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { UserError } from '../../errors.js';

const START_TIMEOUT_MS = 600_000;
/** Running answers are finished within; then the process is killed. */
const STOP_TIMEOUT_MS = 10_000;
/** Of what a server says before it fails. */
const MAX_OUTPUT = 20_000;
const READY = /url\s+(http:\/\/\S+)/;

/** `halflight serve` in a process of its own, on a free port of this machine. */
export class ServerProcess {
  private constructor(
    readonly url: string,
    readonly child: ChildProcess,
    readonly forget: () => void,
  ) {}

  /**
   * @param cli path of the command line's program; @param args of `serve`, without address and port
   * Throws UserError with what it said where it does not start.
   */
  static async start(
    cli: string,
    args: readonly string[],
    timeoutMs = START_TIMEOUT_MS,
  ): Promise<ServerProcess> {
    const line = [cli, 'serve', ...args, '--host', '127.0.0.1', '--port', '0'];
    const child = spawn(process.execPath, line, { stdio: ['ignore', 'pipe', 'pipe'] });
    const forget = endTogether(child);
    try {
      return new ServerProcess(await urlOf(child, timeoutMs), child, forget);
    } catch (error) {
      child.kill('SIGKILL');
      forget();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.forget();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }
}

function urlOf(child: ChildProcess, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why: string) => reject(new UserError(`a server ${why}: ${lastWords(output)}`));
    const timer = setTimeout(() => fail(`did not start within ${timeoutMs / 1000} s`), timeoutMs);
    const read = (text: string) => {
      output = (output + text).slice(-MAX_OUTPUT);
      const url = READY.exec(output)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
    const end = (why: string) => {
      clearTimeout(timer);
      fail(why);
    };
    child.on('error', ({ message }) => end(`could not be started (${message})`));
    child.on('exit', (code, signal) => end(`ended with ${signal ?? `exit code ${code}`}`));
  });
}

/** The reason stands last, on a line of its own. */
function lastWords(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.at(-1)?.replace(/^halflight: /, '') ?? 'it said nothing';
}

/** A server does not outlive this process, however that ends. Returns what undoes it. */
function endTogether(child: ChildProcess): () => void {
  const kill = () => {
    child.kill('SIGKILL');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (signal: NodeJS.Signals) => {
    kill();
    forget();
    process.kill(process.pid, signal);
  };
  const forget = () => {
    process.off('exit', kill);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', kill);
  for (const signal of signals) process.on(signal, onSignal);
  return forget;
}
