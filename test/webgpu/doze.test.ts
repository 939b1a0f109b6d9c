import t from 'tap';
import { Doze } from '#halflight/webgpu/doze.js';

/** Processor time per wall time while work is under way that ends by itself. */
async function busyShare(doze: Doze): Promise<number> {
  const work = new Promise<string>((resolve) => setTimeout(resolve, 200, 'done'));
  // As the bindings do: a look in every turn of the event loop.
  let looking = true;
  const look = () => looking && setImmediate(look);
  look();
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  const result = await doze.until(work);
  looking = false;
  t.equal(result, 'done');
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / 1000 / (performance.now() - start);
}

t.test('the thread is nearly idle while work is under way', async (t) => {
  const share = await busyShare(new Doze(1));
  // Turns of 1 ms and more take well below a quarter of the time; without sleep they take all of it.
  t.ok(share < 0.5, `busy ${share}`);
});

t.test('a failure reaches the caller, and nothing goes on afterwards', async (t) => {
  const doze = new Doze(1);
  await t.rejects(doze.until(Promise.reject(new Error('lost'))), { message: 'lost' });
  t.equal(await doze.until(Promise.resolve(3)), 3);
});

t.test('several waits share the sleep', async (t) => {
  const doze = new Doze(1);
  const wait = (ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));
  t.same(await Promise.all([doze.until(wait(5)), doze.until(wait(20)), doze.until(wait(1))]), [5, 20, 1]);
});

t.test('waits that follow each other do not sleep once more each', async (t) => {
  const doze = new Doze(1);
  for (let i = 0; i < 50; i++) await doze.until(Promise.resolve());
  let turns = 0;
  const count = () => {
    turns++;
    setImmediate(count).unref();
  };
  count();
  await doze.until(new Promise((resolve) => setTimeout(resolve, 200)));
  // About 180 turns of 1 ms; sleeping 50 times in a turn left 4.
  t.ok(turns > 20, `${turns} turns`);
});
