import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import type { Watched } from './watched.js';

/** Metrics of one model, and the labels that all its series carry. */
export interface Exposed {
  readonly registry: Registry;
  readonly labels: Readonly<Record<string, string>>;
}

type Value = MetricValue<string> & { readonly metricName?: string };
type Family = MetricObjectWithValues<Value>;

/** What of a metric of prom-client is needed: its types keep it to itself. */
interface Source extends Partial<Watched> {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
  readonly get: () => Promise<Family>;
  /** Sets its value when it is read. */
  readonly collect?: () => void;
}

/** Series of a metric as they were written last. */
interface Written {
  readonly numChanges: number | undefined;
  readonly values: readonly number[];
  /** Name and labels of each. */
  readonly heads: readonly string[];
  readonly text: string;
}

/**
 * Prometheus text format 0.0.4, as prom-client writes it. Its own writer takes several times as long, which a scrape every 50 ms would
 * notice: here what has not changed since the last scrape is not written again, neither a metric nor, where none has, the whole.
 */
export class Exposition {
  readonly #openings = new WeakMap<Source, string>();
  readonly #written = new WeakMap<Source, Written>();
  #parts: readonly string[] = [];
  #bytes = Buffer.alloc(0);

  /** Of several models each metric is told once, with the series of all. UTF-8; the same buffer while nothing changes. */
  async bytes(all: readonly Exposed[]): Promise<Buffer> {
    const parts = await this.#texts(all);
    const isSame = parts.length === this.#parts.length && parts.every((part, i) => part === this.#parts[i]);
    if (!isSame) {
      this.#parts = parts;
      // Each metric opens with an empty line, the first without.
      this.#bytes = Buffer.from(`${parts.join('\n')}\n`).subarray(1);
    }
    return this.#bytes;
  }

  async #texts(all: readonly Exposed[]): Promise<readonly string[]> {
    const families = new Map<string, string[]>();
    for (const { registry, labels } of all) {
      for (const source of registry.getMetricsAsArray() as unknown as readonly Source[]) {
        const parts = families.get(source.name) ?? [this.#opening(source)];
        families.set(source.name, parts);
        const text = this.#unchanged(source) ?? (await this.#series(source, labels));
        if (text !== '') parts.push(text);
      }
    }
    return [...families.values()].flat();
  }

  #opening(source: Source): string {
    const text = this.#openings.get(source) ?? opening(source);
    this.#openings.set(source, text);
    return text;
  }

  /** null where the metric must be read to know. */
  #unchanged(source: Source): string | null {
    const last = this.#written.get(source);
    const isKnown = source.numChanges !== undefined && source.collect === undefined;
    return isKnown && last?.numChanges === source.numChanges ? last.text : null;
  }

  async #series(source: Source, labels: Exposed['labels']): Promise<string> {
    const last = this.#written.get(source);
    const { numChanges } = source;
    const series = (await source.get()).values;
    const values = series.map(({ value }) => value);
    // A metric without labels of its own always has the same series: its only one, or its buckets, sum and count.
    const isFixed = source.labelNames.length === 0 && last !== undefined;
    if (isFixed && values.every((value, i) => value === last.values[i])) return last.text;
    const heads = isFixed ? last.heads : series.map((one) => seriesOf(source.name, one, labels));
    const text = values.map((value, i) => heads[i] + numberText(value)).join('\n');
    this.#written.set(source, { numChanges, values, heads, text });
    return text;
  }
}

function opening({ name, help, type }: Source): string {
  return `\n# HELP ${name} ${escapeText(help)}\n# TYPE ${name} ${type}`;
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
