import t, { type Test } from 'tap';
import { measurePerplexity, windowLosses } from '#halflight/calibrate/perplexity.js';
import type { LogitsModel } from '#halflight/engine/logits.js';

// Sums of a few f64 terms: nothing but rounding.
const near = (t: Test, actual: number, expected: number) =>
  t.ok(Math.abs(actual - expected) < 1e-6, `${actual} is ${expected}`);

const VOCAB = 4;

/** Predicts the id after the last one, with logit `certainty`, all others at 0. */
class NextIdModel implements LogitsModel {
  readonly maxModelLen = 8;
  readonly vocabSize = VOCAB;
  readonly windows: number[][] = [];

  constructor(readonly certainty: number) {}

  async logits(tokenIds: readonly number[]) {
    this.windows.push([...tokenIds]);
    const rows = new Float32Array(tokenIds.length * VOCAB);
    for (const [i, id] of tokenIds.entries()) rows[i * VOCAB + ((id + 1) % VOCAB)] = this.certainty;
    return rows;
  }

  destroy(): void {}
}

t.test('a model that knows nothing has the vocabulary’s size as its perplexity', async (t) => {
  const { perplexity, meanNll, standardError } = await measurePerplexity(new NextIdModel(0), [3, 1, 0, 2], {
    window: 2,
  });
  near(t, perplexity, VOCAB);
  near(t, meanNll, Math.log(VOCAB));
  near(t, standardError, 0);
});

t.test('losses are what the definition gives by hand', (t) => {
  const logits = Float32Array.of(Math.log(1), Math.log(2), Math.log(5), Math.log(2), 0, 0, 0, 0);
  const [first, second] = [windowLosses(logits, [0, 2], 4), windowLosses(logits, [0, 1], 4)];
  t.equal(first.length, 1);
  near(t, first[0], -Math.log(5 / 10));
  near(t, second[0], -Math.log(2 / 10));
  t.end();
});

t.test('logits so large that their exponential overflows are scored all the same', (t) => {
  const [likely, unlikely] = [0, 1].map(
    (id) => windowLosses(Float32Array.of(1000, 900, 0, 0), [0, id], 2)[0],
  );
  near(t, likely, 0);
  near(t, unlikely, 100);
  t.end();
});

t.test('mean and standard error are over all scored tokens', async (t) => {
  // One of three predictions is right.
  const right = -Math.log(Math.E / (Math.E + 3));
  const wrong = -Math.log(1 / (Math.E + 3));
  const result = await measurePerplexity(new NextIdModel(1), [0, 1, 3, 3], { window: 4 });
  const mean = (right + 2 * wrong) / 3;
  near(t, result.meanNll, mean);
  near(t, result.perplexity, Math.exp(mean));
  const variance = ((right - mean) ** 2 + 2 * (wrong - mean) ** 2) / 2;
  near(t, result.standardError, Math.sqrt(variance / 3));
});

t.test('windows do not overlap, and a shorter last one is left out', async (t) => {
  const model = new NextIdModel(1);
  const seen: string[] = [];
  const onWindow = (done: number, total: number) => seen.push(`${done}/${total}`);
  const result = await measurePerplexity(model, [0, 1, 2, 3, 0, 1, 2, 3], { window: 3, onWindow });
  t.strictSame(model.windows, [
    [0, 1, 2],
    [3, 0, 1],
  ]);
  t.strictSame(seen, ['1/2', '2/2']);
  t.match(result, { numTokens: 8, numScored: 4 });
});

t.test('a text shorter than one window is refused', (t) =>
  t.rejects(
    measurePerplexity(new NextIdModel(1), [0, 1], { window: 3 }),
    /2 tokens, fewer than one window of 3/,
  ),
);
