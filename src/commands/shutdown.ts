import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import type { Logger } from '../logger.js';
import type { ModelRegistry } from '../server/models.js';
import type { ServerState } from '../server/state.js';
import type { SilentSockets } from './silent-sockets.js';

export interface Running {
  readonly app: FastifyInstance;
  readonly silent: SilentSockets;
  readonly models: ModelRegistry;
  readonly state: ServerState;
}

export interface DrainTiming {
  /** In which requests are still taken while `/health` says 503. */
  readonly delayMs: number;
  /** In which answers that had begun may finish after that. */
  readonly timeoutMs: number;
}

/** Time in which clients are told that the engine has failed. */
const FAILURE_TIMEOUT_MS = 2000;

/**
 * The first signal ends the process: with 0 when the answers that had begun are finished, or at once while the model loads.
 * A second one ends it at once.
 * @param running what to close; null while the model loads
 */
export function closeOnSignal(logger: Logger, timing: DrainTiming, running: () => Running | null): void {
  closeWithGrace({ delay: false, logger, onSecondSignal: endAtOnce }, async ({ signal, err }) => {
    if (err !== undefined) logger.fatal(err, 'unexpected error');
    const server = running();
    if (server === null && signal !== undefined) endAtOnce(signal);
    if (server === null) return;
    logger.info({ signal }, 'stopping when running answers are finished; a second signal stops at once');
    await drain(server, timing);
  });
}

/** By the signal's default action: an exit would tear down the engine's thread, and Dawn aborts where it waits for the device. */
function endAtOnce(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** Balancers learn that nothing should be sent here, then nothing is taken, then what has begun is finished or cut off. */
export async function drain(running: Running, { delayMs, timeoutMs }: DrainTiming): Promise<void> {
  const { app, models, state } = running;
  if (delayMs > 0 && state.phase === 'ready') {
    state.phase = 'leaving';
    await sleep(delayMs);
  }
  state.phase = 'draining';
  if (!(await closeWithin(running, timeoutMs)))
    app.log.warn(`answers that took longer than ${timeoutMs} ms are cut off`);
  await models.close();
}

/** Resolves with the exit code 1 when the engine has failed and its clients know. */
export async function untilFailed(running: Omit<Running, 'state'>): Promise<number> {
  const { app, models } = running;
  const error = await models.failed;
  app.log.fatal(error, 'the engine failed');
  await closeWithin(running, FAILURE_TIMEOUT_MS);
  return 1;
}

const SWEEP_MS = 50;

/** Resolves with whether all answers were finished in time. A connection that is kept alive after its answer would hold the server open. */
async function closeWithin(
  { app, silent }: Pick<Running, 'app' | 'silent'>,
  timeoutMs: number,
): Promise<boolean> {
  const sweep = setInterval(() => {
    app.server.closeIdleConnections();
    silent.close();
  }, SWEEP_MS);
  const inTime = await Promise.race([app.close().then(() => true), sleep(timeoutMs, false, { ref: false })]);
  clearInterval(sweep);
  return inTime;
}
