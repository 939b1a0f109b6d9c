import t from 'tap';
import { compareTurns } from '#halflight/bench/compare/compare.js';
import {
  comparisonCsv,
  comparisonJson,
  comparisonLines,
  comparisonReport,
} from '#halflight/commands/compare-report.js';
import { COMPARISON } from '../support/comparison.js';
import { facts, measurement } from '../support/load.js';

const turn = (weights: number, ...throughputs: number[]) => ({
  facts: facts({ weights }),
  measurements: throughputs.map((output_throughput) => measurement({ output_throughput })),
});

const REPORT = {
  model: 'fable',
  date: '2026-11-26T00:00:00.000Z',
  inputLen: 16,
  outputLen: 24,
  repeats: 2,
  seed: 0,
  text: { file: 'a.txt', protocol: 'windows', window: 512, numWindows: 8 },
  variants: compareTurns(
    ['full', 'int4'],
    [1, 16],
    [
      [turn(1000, 100, 400), turn(1000, 100, 400)],
      [turn(400, 200, 200), turn(400, 200, 200)],
    ],
  ),
  qualities: COMPARISON.rows,
} as const;

t.test('each row with a speed has its quality', (t) => {
  const lines = comparisonLines(REPORT);
  t.match(lines.join('\n'), /^variant +× at 1 +× at 16 +crosses at +perplexity +over full +KL, nats/m);
  for (const line of lines.filter((line) => /^int4.*±/.test(line))) t.match(line, /1\.2e-3 ± 1\.0e-4/, line);
  t.match(lines.join('\n'), /^int4 +2\.00 ± 0\.00 +0\.50 ± 0\.00 +6\.3 /m);
  t.end();
});

t.test('the page has the memory as bars', (t) => {
  const { title, bars, charts } = comparisonReport(REPORT);
  t.match(title, /^fable: is it faster quantized, and at what quality\?$/);
  t.match(bars, [
    { rows: [{ name: 'full (bf16)', parts: [{ name: 'weights', amount: 1000 }] }, { name: 'int4' }] },
  ]);
  t.equal(charts.length, 8);
  t.end();
});

t.test('JSON and rows of values tell the same, without the times of single requests', (t) => {
  t.match(comparisonJson(REPORT), {
    model: 'fable',
    variants: [
      { name: 'full', fitting: 21 },
      { name: 'int4', fitting: 41, crossovers: [{ isClear: true }] },
    ],
  });
  t.notMatch(JSON.stringify(comparisonJson(REPORT)), /"times"/);
  const [head, ...rows] = comparisonCsv(REPORT).trim().split('\n');
  t.match(head, /^variant,weight_format,concurrency,output_throughput,.*,kl_mean_nats$/);
  t.equal(rows.length, 4);
  t.match(rows[3], /^int4,bf16,16,200,0,0\.5,0,/);
  t.end();
});
