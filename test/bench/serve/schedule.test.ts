import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Schedule } from '#halflight/bench/serve/schedule.js';
import { plan, record } from '../../support/load.js';

/** Answers after so long, and tells how many requests ran when each was sent. */
function slowSender(delayMs: number) {
  let running = 0;
  const seen: number[] = [];
  return {
    seen,
    send: async (_request: unknown, sentMs: number, onText: (times: readonly number[]) => void) => {
      running += 1;
      seen.push(running);
      onText([5]);
      await sleep(delayMs);
      running -= 1;
      return record([5], { sentMs, error: seen.length === 2 ? 'HTTP 429' : null });
    },
  };
}

t.test('in a closed loop no more run at once than may, and no fewer', async (t) => {
  const sender = slowSender(10);
  const schedule = new Schedule(plan('', 7, { maxConcurrency: 3 }), sender);
  const { records } = await schedule.run();
  t.equal(records.length, 7);
  t.strictSame(sender.seen, [1, 2, 3, 3, 3, 3, 3]);
});

t.test('without a bound each is sent when it arrives, whatever runs', async (t) => {
  const sender = slowSender(600);
  const arrivalsMs = [0, 30, 60];
  const { records } = await new Schedule(plan('', 3, { maxConcurrency: null, arrivalsMs }), sender).run();
  t.strictSame(sender.seen, [1, 2, 3]);
  // Timers are 1 ms early at most; on a busy machine they come late.
  for (const [i, { sentMs }] of records.entries())
    t.ok(sentMs >= arrivalsMs[i] - 1, `${sentMs} ms is after ${arrivalsMs[i]} ms`);
});

t.test('it tells how far it is', async (t) => {
  const schedule = new Schedule(plan('', 4, { maxConcurrency: 2 }), slowSender(300));
  t.match(schedule.progress(), { done: 0, inFlight: 0, total: 4, p50TtftMs: null });
  const running = schedule.run();
  await sleep(5);
  t.match(schedule.progress(), { done: 0, inFlight: 2, failed: 0, numChunks: 2, p50TtftMs: 5, p99TtftMs: 5 });
  await running;
  t.match(schedule.progress(), { done: 4, inFlight: 0, total: 4 });
  t.ok(schedule.progress().failed >= 1);
});
