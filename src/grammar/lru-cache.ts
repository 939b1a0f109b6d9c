/** The entries that were used last. */
export class LruCache<V> {
  readonly #entries = new Map<string, V>();

  /** @param onEvict is given what makes room */
  constructor(
    readonly capacity: number,
    readonly onEvict: (value: V) => void = () => undefined,
  ) {}

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Without `onEvict`. */
  delete(key: string): void {
    this.#entries.delete(key);
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    for (const [oldest, old] of this.#entries) {
      if (this.#entries.size <= this.capacity) return;
      this.#entries.delete(oldest);
      this.onEvict(old);
    }
  }
}
