import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import { CountingHistogram } from './histogram.js';

/** Metrics of one model, and the labels that all its series carry. */
export interface Exposed {
  readonly registry: Registry;
  readonly labels: Readonly<Record<string, string>>;
}

type Value = MetricValue<string> & { readonly metricName?: string };
type Family = MetricObjectWithValues<Value>;

/** What of a metric of prom-client is needed: its types keep it to itself. */
interface Source {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
  readonly get: () => Promise<Family>;
}

/** Series of a metric as they were written last. */
interface Written {
  /** Name and labels of each. */
  readonly heads: readonly string[];
  readonly numObserved: number;
  readonly text: string;
}

/**
 * Prometheus text format 0.0.4, as prom-client writes it. Its own writer takes several times as long, which a scrape every 50 ms would
 * notice: here names with labels are written once and kept, and so is a histogram that has observed nothing since.
 */
export class Exposition {
  readonly #written = new WeakMap<Source, Written>();

  /** Of several models each metric is told once, with the series of all. */
  async text(all: readonly Exposed[]): Promise<string> {
    const families = new Map<string, string[]>();
    for (const { registry, labels } of all) {
      for (const source of registry.getMetricsAsArray() as unknown as readonly Source[]) {
        const parts = families.get(source.name) ?? opening(source);
        families.set(source.name, parts);
        const series = await this.#series(source, labels);
        if (series !== '') parts.push(series);
      }
    }
    return `${[...families.values()].map((parts) => parts.join('\n')).join('\n\n')}\n`;
  }

  async #series(source: Source, labels: Exposed['labels']): Promise<string> {
    const last = this.#written.get(source);
    const numObserved = source instanceof CountingHistogram ? source.numObserved : Number.NaN;
    if (last?.numObserved === numObserved) return last.text;
    const { values } = await source.get();
    // A metric without labels of its own always has the same series: its only one, or its buckets, sum and count.
    const isFixed = source.labelNames.length === 0 && last !== undefined;
    const heads = isFixed ? last.heads : values.map((value) => seriesOf(source.name, value, labels));
    const text = values.map(({ value }, i) => heads[i] + numberText(value)).join('\n');
    this.#written.set(source, { heads, numObserved, text });
    return text;
  }
}

function opening({ name, help, type }: Source): string[] {
  return [`# HELP ${name} ${escapeText(help)}`, `# TYPE ${name} ${type}`];
}

function seriesOf(name: string, value: Value, labels: Exposed['labels']): string {
  const pairs = Object.entries({ ...value.labels, ...labels, ...value.labels }).map(
    ([label, text]) => `${label}="${escapeText(String(text)).replaceAll('"', '\\"')}"`,
  );
  return `${value.metricName ?? name}{${pairs.join(',')}} `;
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'Nan';
  return value > 0 ? '+Inf' : '-Inf';
}
