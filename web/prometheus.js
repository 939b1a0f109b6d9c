/**
 * Metrics by name; of each the value of every series, with its labels.
 * @typedef {ReadonlyMap<string, readonly { labels: Readonly<Record<string, string>>, value: number }[]>} Scrape
 */

const LINE = /^([\w:]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/**
 * Reads the Prometheus text format.
 * @param {string} text
 * @returns {Scrape}
 */
export function parseMetrics(text) {
  /** @type {Map<string, { labels: Record<string, string>, value: number }[]>} */
  const metrics = new Map();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const series = metrics.get(name) ?? [];
    series.push({ labels: parseLabels(labels), value: Number(value?.replace('Inf', 'Infinity')) });
    metrics.set(name, series);
  }
  return metrics;
}

/** @param {string} text @returns {Record<string, string>} */
function parseLabels(text) {
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name = '', value = '']) => [name, value]));
}

/**
 * Of all models together.
 * @param {Scrape} scrape
 * @param {string} name
 */
export function sum(scrape, name) {
  return (scrape.get(name) ?? []).reduce((total, { value }) => total + value, 0);
}

/** @param {Scrape} scrape @param {string} name */
export function largest(scrape, name) {
  return Math.max(0, ...(scrape.get(name) ?? []).map(({ value }) => value));
}

/**
 * The quantile of what a histogram observed between two scrapes, linear within a bucket; null where it observed nothing.
 * @param {Scrape} before
 * @param {Scrape} now
 * @param {string} name without `_bucket`
 * @param {number} q 0 to 1
 */
export function quantile(before, now, name, q) {
  const earlier = bucketsOf(before, name);
  const buckets = [...bucketsOf(now, name)]
    .map(([bound, count]) => ({ bound, count: count - (earlier.get(bound) ?? 0) }))
    .sort((a, b) => a.bound - b.bound);
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return null;
  const rank = q * total;
  const index = buckets.findIndex(({ count }) => count >= rank);
  const { bound, count } = buckets[index] ?? { bound: 0, count: 0 };
  const lower = buckets[index - 1] ?? { bound: 0, count: 0 };
  // Beyond the last bound nothing is known but that bound.
  if (bound === Infinity || count === lower.count) return lower.bound;
  return lower.bound + ((bound - lower.bound) * (rank - lower.count)) / (count - lower.count);
}

/** Cumulative counts by upper bound, of all models together. @param {Scrape} scrape @param {string} name */
function bucketsOf(scrape, name) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const { labels, value } of scrape.get(`${name}_bucket`) ?? []) {
    const bound = Number(labels.le?.replace('+Inf', 'Infinity'));
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  return counts;
}
