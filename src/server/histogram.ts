import { Histogram, type HistogramConfiguration } from 'prom-client';

/** A histogram without labels that tells whether it has changed, so that its text need not be written anew. */
export class CountingHistogram extends Histogram {
  #numObserved = 0;

  constructor(configuration: HistogramConfiguration<string>) {
    super(configuration);
    // prom-client makes it a property of each histogram, which a method would not replace.
    const observe = this.observe.bind(this) as (...given: readonly unknown[]) => void;
    this.observe = (...given: readonly unknown[]) => {
      this.#numObserved += 1;
      observe(...given);
    };
  }

  /** Grows with every observation. */
  get numObserved(): number {
    return this.#numObserved;
  }
}
