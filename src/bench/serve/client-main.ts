import { DIALECTS } from './dialects.js';
import { LagMeter } from './lag.js';
import { Schedule } from './schedule.js';
import { createSender } from './send.js';
import type { FromClient, LoadPlan, ToClient } from './types.js';

/** The process that sends: it does nothing else, and ends with the one that started it. */

const PROGRESS_EVERY_MS = 250;

function tell(message: FromClient): void {
  process.send?.(message);
}

async function warmUp(plan: LoadPlan): Promise<void> {
  const sender = createSender(plan.target, DIALECTS[plan.target.backend]);
  let failure: string | null = null;
  for (const request of plan.warmups) {
    const { error, reason } = await sender.send(request, 0, () => undefined);
    if (error !== null) failure = reason === null ? error : `${error}: ${reason}`;
  }
  sender.close();
  tell({ type: 'warm', error: failure });
}

async function measure(plan: LoadPlan): Promise<void> {
  const sender = createSender(plan.target, DIALECTS[plan.target.backend]);
  const lag = new LagMeter();
  const schedule = new Schedule(plan, sender);
  const progress = setInterval(
    () => tell({ type: 'progress', progress: schedule.progress() }),
    PROGRESS_EVERY_MS,
  );
  const { records, durationMs } = await schedule.run();
  clearInterval(progress);
  const client = lag.stop();
  sender.close();
  tell({ type: 'progress', progress: schedule.progress() });
  tell({ type: 'report', report: { records, durationMs, client } });
}

async function main(): Promise<void> {
  const plan = await new Promise<LoadPlan>((resolve) => {
    process.once('message', (message: ToClient) => {
      if (message.type === 'plan') resolve(message.plan);
    });
  });
  const go = new Promise((resolve) => process.once('message', resolve));
  await warmUp(plan);
  await go;
  await measure(plan);
}

process.on('disconnect', () => process.exit(0));
await main();
