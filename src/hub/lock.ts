import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.js';
import { absent, codeOf } from './cache.js';

/** Ages of a lock, in ms. A holder renews it; one that has not for long is taken to be gone. */
export interface LockTimes {
  readonly pollMs: number;
  readonly renewMs: number;
  readonly staleMs: number;
}

export const LOCK_TIMES: LockTimes = { pollMs: 250, renewMs: 5000, staleMs: 60_000 };

/** In the folder that is locked. */
export const LOCK_FILE = 'halflight.lock';

/** First line: host and process; second: an id that no other holder has. */
interface Holder {
  readonly text: string;
  readonly ageMs: number;
}

/**
 * Runs `work` while no other process does in the same folder, even one that shares it over a network.
 * @param onWait called once, where another process is at work
 * @param work its signal ends it where the lock is lost, as to one that took this process, long stopped, to be gone
 */
export async function withLock<T>(
  folder: string,
  work: (signal: AbortSignal) => Promise<T>,
  onWait: () => void,
  times: LockTimes = LOCK_TIMES,
): Promise<T> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, LOCK_FILE);
  const own = `${hostname()} ${process.pid}\n${randomUUID()}\n`;
  await take(file, own, onWait, times);
  const lost = new AbortController();
  const renewal = setInterval(() => {
    renew(file, own).catch((error: unknown) => lost.abort(error));
  }, times.renewMs);
  try {
    return await work(lost.signal);
  } finally {
    clearInterval(renewal);
    if ((await readHolder(file))?.text === own) await rm(file, { force: true });
  }
}

async function take(file: string, own: string, onWait: () => void, times: LockTimes): Promise<void> {
  for (let told = false; !(await create(file, own)); await sleep(times.pollMs)) {
    const holder = await readHolder(file);
    if (holder === null) continue;
    if (isGone(holder, times) && (await inherit(file, own, holder, times))) return;
    if (!told) onWait();
    told = true;
  }
}

/** Resolves with false where the file is there already. */
async function create(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Takes the lock of a holder that is gone. Of several that try, the one that creates the heir file does, which is named by the holder's
 * own id: no other holder's lock can be taken by mistake.
 */
async function inherit(file: string, own: string, holder: Holder, times: LockTimes): Promise<boolean> {
  const id = holder.text.split('\n')[1]?.replace(/[^\w-]/g, '') ?? '';
  const heir = `${file}.${id}`;
  if (!(await create(heir, own))) {
    const other = await readHolder(heir);
    if (other !== null && isGone(other, times)) await rm(heir, { force: true });
    return false;
  }
  const same = (await readHolder(file))?.text === holder.text;
  if (same) await rename(heir, file);
  else await rm(heir, { force: true });
  return same;
}

function isGone({ text, ageMs }: Holder, { staleMs }: LockTimes): boolean {
  if (ageMs > staleMs) return true;
  const [host, pid] = (text.split('\n')[0] ?? '').split(' ');
  return host === hostname() && /^\d+$/.test(pid ?? '') && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

async function readHolder(file: string): Promise<Holder | null> {
  const [text, stats] = await Promise.all([readFile(file, 'utf8').catch(absent), stat(file).catch(absent)]);
  return text === null || stats === null ? null : { text, ageMs: Date.now() - stats.mtimeMs };
}

async function renew(file: string, own: string): Promise<void> {
  if ((await readHolder(file))?.text !== own)
    throw new UserError(`${file}: another process has taken over; run this again`);
  const now = new Date();
  await utimes(file, now, now);
}
