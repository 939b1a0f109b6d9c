import t from 'tap';
import { compareTurns } from '#halflight/bench/compare/compare.js';
import { compareCharts, distribution, serverTrace, sweepCharts } from '#halflight/bench/report/charts.js';
import { facts, measurement } from '../../support/load.js';

const titles = (charts: readonly { readonly title: string }[]) => charts.map(({ title }) => title);

t.test('a distribution rises from the least time to the longest', (t) => {
  const times = [5, 1, 3].map((ttft) => ({ ...measurement().times[0], ttft }));
  const { series } = distribution('ttft', 'TTFT', [
    { name: 'a', times },
    { name: 'none', times: [] },
  ]);
  t.strictSame(series[0].points[0], [1, 0]);
  t.strictSame(series[0].points.at(-1), [5, 1]);
  t.strictSame(series[1].points, []);
  t.end();
});

t.test('the trace of a server has requests at the left and the cache at the right', (t) => {
  const chart = serverTrace([{ atMs: 500, running: 2, waiting: null, kvUsage: 0.5 }]);
  t.strictSame(
    chart.series.map(({ points, right }) => ({ points, right })),
    [
      { points: [[0.5, 2]], right: false },
      { points: [], right: false },
      { points: [[0.5, 0.5]], right: true },
    ],
  );
  t.end();
});

t.test('a sweep shows throughput, latency, goodput and its knee', (t) => {
  const levels = [1, 2].map((load) => ({
    load,
    throughput: 100 * load,
    latencyMs: 50 * load,
    measurement: measurement({ request_goodput: load }),
  }));
  const charts = sweepCharts({ kind: 'concurrency', levels, stopped: null }, 2);
  t.match(titles(charts), ['Throughput against latency', 'Throughput against load', 'TTFT against load']);
  t.ok(titles(charts).includes('Goodput against load'));
  t.strictSame(charts[0].series[0].points, [
    [50, 100],
    [100, 200],
  ]);
  t.strictSame(charts[1].marks, [{ x: 2, label: 'knee' }]);
  const without = levels.map((level) => ({ ...level, measurement: measurement() }));
  t.notOk(
    titles(sweepCharts({ kind: 'rate', levels: without, stopped: null }, null)).includes(
      'Goodput against load',
    ),
  );
  t.end();
});

t.test('a comparison shows the ratio with its interval and where it crosses 1', (t) => {
  const turn = (...throughputs: number[]) => ({
    facts: facts(),
    measurements: throughputs.map((output_throughput) => measurement({ output_throughput })),
  });
  const variants = compareTurns(
    ['full', 'int4'],
    [1, 16],
    [
      [turn(100, 400), turn(100, 400)],
      [turn(200, 200), turn(200, 200)],
    ],
  );
  const charts = compareCharts(variants);
  const ratio = charts.find(({ title }) => title === 'Throughput over full');
  t.match(ratio, { level: 1, marks: [{ label: 'int4 crosses' }] });
  t.strictSame(ratio?.series[0].points, [], 'the first keeps its colour');
  t.strictSame(ratio?.series[1], {
    name: 'int4',
    dots: true,
    points: [
      [1, 2],
      [16, 0.5],
    ],
    halfWidths: [0, 0],
  });
  t.ok(titles(charts).includes('TTFT, 16 at once'));
  t.end();
});
