import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import type { Watched } from './watched.js';

/** Metrics of one model, and the labels that all its series carry. */
export interface Exposed {
  readonly registry: Registry;
  readonly labels: Readonly<Record<string, string>>;
}

type Value = MetricValue<string> & { readonly metricName?: string };

/** What of a metric of prom-client is needed: its types keep it to itself. */
interface Source extends Partial<Watched> {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
  readonly get: () => Promise<MetricObjectWithValues<Value>>;
  /** Sets its value when it is read. */
  readonly collect?: () => void;
}

/**
 * Prometheus text format 0.0.4, as prom-client writes it. Its own writer takes several times as long, which a scrape every 50 ms would
 * notice: here what has not changed since the last scrape is not written again, neither a metric nor, where none has, the whole.
 */
export class Exposition {
  readonly #known = new WeakMap<Registry, readonly Family[]>();
  #shown: readonly (readonly Family[])[] = [];
  #isCurrent = false;
  #bytes = Buffer.alloc(0);

  /** Of several models each metric is told once, with the series of all. UTF-8; the same buffer while nothing changes. */
  async bytes(all: readonly Exposed[]): Promise<Buffer> {
    const shown = all.map((one) => this.#familiesOf(one));
    const isSame = shown.length === this.#shown.length && shown.every((one, i) => one === this.#shown[i]);
    this.#shown = shown;
    this.#isCurrent &&= isSame;
    for (const families of shown) {
      for (const family of families) {
        if (family.mayHaveChanged() && (await family.write())) this.#isCurrent = false;
      }
    }
    if (!this.#isCurrent) this.#bytes = Buffer.from(textOf(shown.flat()));
    this.#isCurrent = true;
    return this.#bytes;
  }

  /** The same list while the registry has the same metrics. */
  #familiesOf({ registry, labels }: Exposed): readonly Family[] {
    const sources = registry.getMetricsAsArray() as unknown as readonly Source[];
    const known = this.#known.get(registry) ?? [];
    if (known.length === sources.length && known.every(({ source }, i) => source === sources[i]))
      return known;
    const families = sources.map((source) => new Family(source, labels));
    this.#known.set(registry, families);
    return families;
  }
}

/** A metric of one model, with its series as they were written last. */
class Family {
  readonly opening: string;
  /** Empty where there are none. */
  series = '';
  #numChanges: number | undefined;
  #values: readonly number[] | null = null;
  /** Name and labels of each series. */
  #heads: readonly string[] = [];

  constructor(
    readonly source: Source,
    readonly labels: Exposed['labels'],
  ) {
    this.opening = opening(source);
  }

  mayHaveChanged(): boolean {
    const { numChanges, collect } = this.source;
    return (
      this.#values === null ||
      numChanges === undefined ||
      collect !== undefined ||
      numChanges !== this.#numChanges
    );
  }

  /** Returns whether its text is another one now. */
  async write(): Promise<boolean> {
    const { numChanges, name, labelNames } = this.source;
    const series = (await this.source.get()).values;
    const values = series.map(({ value }) => value);
    const last = this.#values;
    this.#numChanges = numChanges;
    this.#values = values;
    // A metric without labels of its own always has the same series: its only one, or its buckets, sum and count.
    const isFixed = labelNames.length === 0 && last !== null;
    if (isFixed && values.every((value, i) => Object.is(value, last[i]))) return false;
    if (!isFixed) this.#heads = series.map((one) => seriesOf(name, one, this.labels));
    const text = values.map((value, i) => this.#heads[i] + numberText(value)).join('\n');
    const isNew = text !== this.series;
    this.series = text;
    return isNew;
  }
}

/** Each metric opens with an empty line, the first without. */
function textOf(families: readonly Family[]): string {
  const parts = new Map<string, string[]>();
  for (const { source, opening, series } of families) {
    const known = parts.get(source.name) ?? [opening];
    parts.set(source.name, series === '' ? known : [...known, series]);
  }
  return `${[...parts.values()].flat().join('\n')}\n`.slice(1);
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
