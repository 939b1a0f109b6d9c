import t from 'tap';
import { countFor, doublings, runSweep } from '#halflight/bench/sweep/sweep.js';
import { measurement } from '../../support/load.js';

t.test('loads double, and end with the most', (t) => {
  t.strictSame(doublings(1), [1]);
  t.strictSame(doublings(8), [1, 2, 4, 8]);
  t.strictSame(doublings(10), [1, 2, 4, 8, 10]);
  t.equal(countFor(1, 4), 8);
  t.equal(countFor(16, 4), 64);
  t.end();
});

/** Sweeps a server that makes so many tokens a second at each load; answers take a second. */
async function swept(kind: 'concurrency' | 'rate', throughputs: readonly number[], failed = 0) {
  const loads = throughputs.map((_, i) => 2 ** i);
  return runSweep(kind, loads, async (load) => {
    const output_throughput = throughputs[loads.indexOf(load)];
    const summary = { output_throughput, mean_e2el_ms: 1000, failed, duration: 10 };
    return { measurement: measurement(summary), count: 9 };
  });
}

t.test('a sweep of requests at once ends where more gain nothing', async (t) => {
  const { levels, stopped } = await swept('concurrency', [100, 190, 192, 500]);
  t.equal(levels.length, 3);
  t.match(stopped, /gained less than 5%/);
  t.equal((await swept('concurrency', [100, 190, 300])).stopped, null);
});

t.test('a sweep of rates ends where requests come faster than they are answered', async (t) => {
  // 9 requests in 10 s, of which the last took one: 0.89 a second, enough for a rate of 1 with its tenth of slack, not for 2.
  const { levels, stopped } = await runSweep('rate', [0.98, 2, 4], async () => ({
    measurement: measurement({ output_throughput: 100, mean_e2el_ms: 1000, duration: 10 }),
    count: 9,
  }));
  t.equal(levels.length, 2);
  t.match(stopped, /faster than they were answered/);
});

t.test('failures end a sweep', async (t) => {
  const { levels, stopped } = await swept('concurrency', [100, 190], 2);
  t.equal(levels.length, 1);
  t.equal(stopped, '2 of 9 requests failed');
});
