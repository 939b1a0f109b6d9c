import t from 'tap';
import { timesOnDevice } from '#halflight/webgpu/device-time.js';

/** A device that takes `msEach` for each run of the work. */
function fakeDevice(msEach: number, hasClock = true) {
  const runs: number[][] = [[]];
  return {
    runs,
    enqueue: (turn: number) => runs.at(-1)?.push(turn),
    finish: async () => {
      const ms = msEach * (runs.at(-1)?.length ?? 0);
      runs.push([]);
      return hasClock ? ms : null;
    },
  };
}

t.test('short work is run so often that a measurement takes the time it should', async (t) => {
  const { runs, enqueue, finish } = fakeDevice(3);
  t.strictSame(await timesOnDevice(enqueue, finish, { repeats: 2, targetMs: 10 }), [3, 3]);
  t.strictSame(
    runs.map(({ length }) => length),
    [1, 1, 4, 4, 0],
  );
  t.strictSame(runs[2], [0, 1, 2, 3], 'each run knows its turn');
});

t.test('a device is kept busy before it is measured', async (t) => {
  const { runs, enqueue, finish } = fakeDevice(3);
  const startMs = performance.now();
  await timesOnDevice(enqueue, finish, { repeats: 2, targetMs: 10, warmUpMs: 20 });
  t.ok(performance.now() - startMs >= 20);
  t.ok(runs.length > 5, `${runs.length} runs, of which 4 are there without`);
  t.strictSame(
    runs.slice(2, -1).map(({ length }) => length),
    new Array(runs.length - 3).fill(4),
    'by runs as long as those that count',
  );
});

t.test('work that takes no time at all is not run for ever', async (t) => {
  const { runs, enqueue, finish } = fakeDevice(0);
  t.strictSame(await timesOnDevice(enqueue, finish, { repeats: 1, targetMs: 10 }), [0]);
  t.ok(runs.every(({ length }) => length <= 500));
});

t.test('without a clock on the device the host’s counts', async (t) => {
  const { enqueue, finish } = fakeDevice(3, false);
  const [time] = await timesOnDevice(enqueue, finish, { repeats: 1, targetMs: 0 });
  t.ok(time >= 0 && time < 1000);
});
