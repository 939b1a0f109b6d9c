import { type ChildProcess, fork } from 'node:child_process';
import type { FromClient, LoadPlan, LoadProgress, LoadReport, ToClient } from './types.js';

export interface LoadHooks {
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Called when the warm-ups are over, before the first request is measured. @param error of the last warm-up that failed, if one did */
  readonly onWarm?: (error: string | null) => Promise<void>;
}

/** Sends the load from a process of its own, so that nothing else on this event loop delays it. Rejects where that process ends early, or `onWarm` does. */
export async function runLoad(plan: LoadPlan, hooks: LoadHooks = {}): Promise<LoadReport> {
  const child = fork(new URL('./client-main.js', import.meta.url), [], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  try {
    return await reportOf(child, plan, hooks);
  } finally {
    if (child.connected) child.disconnect();
    child.kill();
  }
}

function reportOf(
  child: ChildProcess,
  plan: LoadPlan,
  { onProgress, onWarm }: LoadHooks,
): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const tell = (message: ToClient) => child.send(message, (error) => error !== null && reject(error));
    child.on('message', (message: FromClient) => {
      if (message.type === 'progress') onProgress?.(message.progress);
      else if (message.type === 'report') resolve(message.report);
      else
        Promise.resolve(onWarm?.(message.error)).then(
          () => tell({ type: 'go' }),
          (error: unknown) => reject(error),
        );
    });
    child.on('error', reject);
    child.on('exit', (code, signal) =>
      reject(new Error(`the process that sends the load ended early (${signal ?? `exit code ${code}`})`)),
    );
    tell({ type: 'plan', plan });
  });
}
