/** A value of the i-th source. */
export interface Indexed<T> {
  readonly index: number;
  readonly value: T;
}

type Pending<T> = Promise<{ readonly index: number; readonly result: IteratorResult<T, void> }>;

/**
 * What several generators yield, as it comes. Each is closed when the iteration ends early or one of them throws.
 * @param cancel called before that: a generator closes only once what it awaits has ended
 */
export async function* merge<T>(
  sources: readonly AsyncGenerator<T, void, undefined>[],
  cancel: () => void,
): AsyncGenerator<Indexed<T>, void, undefined> {
  const pending = new Map(sources.map((source, index) => [index, next(source, index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      const source = sources[index];
      if (result.done === true || source === undefined) {
        pending.delete(index);
        continue;
      }
      pending.set(index, next(source, index));
      yield { index, value: result.value };
    }
  } finally {
    cancel();
    await Promise.allSettled(sources.map((source) => source.return()));
  }
}

/** Asked for before its reader is: an error waits until that comes, and is nobody's to catch meanwhile. */
function next<T>(source: AsyncGenerator<T, void, undefined>, index: number): Pending<T> {
  const pending = source.next().then((result) => ({ index, result }));
  pending.catch(() => undefined);
  return pending;
}
