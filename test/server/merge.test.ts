import t from 'tap';
import { type Indexed, merge } from '#halflight/server/merge.js';

/** A source that yields what is pushed, and notes when it is closed. */
class Source {
  closed = false;
  readonly #steps: { resolve: (value: string | null) => void; reject: (error: Error) => void }[] = [];
  readonly #awaited = Array.from(
    { length: 5 },
    () =>
      new Promise<string | null>((resolve, reject) => {
        this.#steps.push({ resolve, reject });
      }),
  );
  #numPushed = 0;

  async *read(): AsyncGenerator<string, void, undefined> {
    try {
      for (const awaited of this.#awaited) {
        const value = await awaited;
        if (value === null) return;
        yield value;
      }
    } finally {
      this.closed = true;
    }
  }

  /** null ends the source. */
  push(...values: (string | null)[]): this {
    for (const value of values) this.#steps[this.#numPushed++].resolve(value);
    return this;
  }

  fail(error: Error): this {
    this.#steps[this.#numPushed++].reject(error);
    return this;
  }
}

async function collect(merged: AsyncIterable<Indexed<string>>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { index, value } of merged) seen.push(`${index}${value}`);
  return seen;
}

t.test('yields values as they come, each with the number of its source', async (t) => {
  const [slow, quick] = [new Source(), new Source()];
  const merged = merge([slow.read(), quick.read()], () => undefined);
  quick.push('a');
  t.same((await merged.next()).value, { index: 1, value: 'a' });
  slow.push('b', null);
  t.same((await merged.next()).value, { index: 0, value: 'b' });
  quick.push('c', null);
  t.same(await collect(merged), ['1c'], 'a source that has ended holds no other up');
});

t.test('keeps the order within a source, and lets none starve another', async (t) => {
  const sources = [
    new Source().push('a', 'b', 'c', null),
    new Source().push(null),
    new Source().push('x', 'y', null),
  ];
  const seen = await collect(
    merge(
      sources.map((source) => source.read()),
      () => undefined,
    ),
  );
  const from = (index: string) => seen.filter((value) => value.startsWith(index)).join(' ');
  t.equal(seen.length, 5);
  t.equal(from('0'), '0a 0b 0c');
  t.equal(from('2'), '2x 2y');
  t.ok(seen.indexOf('2x') < seen.indexOf('0c'));
  t.same(await collect(merge([], () => undefined)), []);
});

t.test('cancels and closes every source when its reader leaves early', async (t) => {
  const [first, waiting] = [new Source().push('a', 'b'), new Source()];
  // The second source would never close by itself: what it awaits ends only when it is cancelled.
  let numCancelled = 0;
  const cancel = () => {
    numCancelled += 1;
    waiting.push(null);
    first.push(null);
  };
  for await (const _ of merge([first.read(), waiting.read()], cancel)) break;
  t.equal(numCancelled, 1);
  t.ok(first.closed);
  t.ok(waiting.closed);
});

t.test('an error waits for its reader, however slow that is', async (t) => {
  const source = new Source().push('a').fail(new Error('broken'));
  const merged = merge([source.read()], () => undefined);
  t.same((await merged.next()).value, { index: 0, value: 'a' });
  // Whatever nobody has caught by the end of this turn would end the process.
  await new Promise(setImmediate);
  await t.rejects(merged.next(), { message: 'broken' });
});

t.test('rejects with the error of a source, and closes the others', async (t) => {
  const [failing, waiting] = [new Source().push('a').fail(new Error('broken')), new Source()];
  const merged = merge([failing.read(), waiting.read()], () => waiting.fail(new Error('cancelled')));
  t.same((await merged.next()).value, { index: 0, value: 'a' });
  await t.rejects(merged.next(), { message: 'broken' });
  t.ok(waiting.closed);
  t.equal((await merged.next()).done, true);
});
