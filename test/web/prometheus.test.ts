import { Histogram, Registry } from 'prom-client';
import t from 'tap';
import { testServer } from '../support/server.js';
import { pageModule } from './modules.js';

type Scrape = ReadonlyMap<string, readonly { labels: Readonly<Record<string, string>>; value: number }[]>;

interface Module {
  parseMetrics(text: string): Scrape;
  sum(scrape: Scrape, name: string): number;
  quantile(before: Scrape, now: Scrape, name: string, q: number): number | null;
}

interface Chart {
  readonly series: readonly { of(now: object, last: object, before: object): number | null }[];
}

const { parseMetrics, sum, quantile } = await pageModule<Module>('prometheus.js');
const { CHARTS } = await pageModule<{ CHARTS: readonly Chart[] }>('series.js');

t.test('series are read with their labels and summed over models', (t) => {
  const scrape = parseMetrics('# HELP a b\na{model="x",path="a\\"b"} 2\na{model="y"} 3.5\nb 1e3\n');
  t.strictSame(scrape.get('a')?.[0], { labels: { model: 'x', path: 'a\\"b' }, value: 2 });
  t.strictSame([sum(scrape, 'a'), sum(scrape, 'b'), sum(scrape, 'c')], [5.5, 1000, 0]);
  t.end();
});

t.test('quantiles are of what came between two scrapes', async (t) => {
  const registry = new Registry();
  const histogram = new Histogram({ name: 'h', help: 'h', buckets: [1, 2, 4], registers: [registry] });
  for (let i = 0; i < 100; i++) histogram.observe(0.5);
  const before = parseMetrics(await registry.metrics());
  t.equal(quantile(before, before, 'h', 0.5), null);
  for (const value of [1.5, 1.5, 3, 3]) histogram.observe(value);
  const now = parseMetrics(await registry.metrics());
  t.equal(quantile(before, now, 'h', 0.5), 2);
  t.equal(quantile(before, now, 'h', 0.75), 3);
  histogram.observe(9);
  t.equal(quantile(now, parseMetrics(await registry.metrics()), 'h', 0.95), 4);
});

t.test('each chart finds its metrics in what the server tells', async (t) => {
  const app = testServer();
  const scrape = async () => parseMetrics((await app.inject('/metrics')).body);
  const before = { atMs: 0, scrape: await scrape() };
  const payload = { prompt: 'Once upon a time', max_tokens: 5 };
  t.equal((await app.inject({ method: 'POST', url: '/v1/completions', payload })).statusCode, 200);
  const now = { atMs: 1000, scrape: await scrape() };
  const numbers = CHARTS.map(({ series }) => series.map(({ of }) => of(now, before, before)));
  t.notOk(numbers.flat().includes(null));
  t.equal(numbers[2]?.[0], 5);
  t.strictSame(numbers[6], [1000, 2000, 30]);
});
