import t from 'tap';
import { writeLogprobs } from '#halflight/ops/logprobs.js';
import { RESULT } from '#halflight/ops/result-layout.js';

/** Softmax 0.1, 0.4, 0.2, 0.2, 0.1, far from 0 so that the greatest must be subtracted. */
const PROBABILITIES = [0.1, 0.4, 0.2, 0.2, 0.1];
const LOGITS = PROBABILITIES.map((p) => 5000 + Math.log(p));

interface Told {
  readonly probability: number;
  readonly rank: number;
  readonly top: readonly (readonly [tokenId: number, probability: number])[];
}

function told(tokenId: number, numTop: number): Told {
  const words = new Uint32Array(RESULT.words);
  writeLogprobs(LOGITS, tokenId, numTop, words);
  const floats = new Float32Array(words.buffer);
  const probability = (at: number) => Number(Math.exp(floats[at]).toFixed(5));
  return {
    probability: probability(RESULT.logprob),
    rank: words[RESULT.rank],
    top: Array.from({ length: numTop }, (_, i) => [
      words[RESULT.topIds + i],
      probability(RESULT.topLogprobs + i),
    ]),
  };
}

t.test('the token has the logarithm of its softmax, and the rank of those above it and one', (t) => {
  t.strictSame(told(1, 0), { probability: 0.4, rank: 1, top: [] });
  t.strictSame(told(4, 0), { probability: 0.1, rank: 4, top: [] });
  t.end();
});

t.test('equal tokens share a rank', (t) => {
  t.equal(told(2, 0).rank, 2);
  t.equal(told(3, 0).rank, 2);
  t.end();
});

t.test('the likeliest come first, the lower id first among equals', (t) => {
  t.strictSame(told(0, 5).top, [
    [1, 0.4],
    [2, 0.2],
    [3, 0.2],
    [0, 0.1],
    [4, 0.1],
  ]);
  t.end();
});

t.test('a vocabulary of fewer tokens than are wanted leaves the rest of the row', (t) => {
  const words = new Uint32Array(RESULT.words).fill(9);
  writeLogprobs([1, 2], 0, 20, words);
  t.strictSame([...words.subarray(RESULT.topIds, RESULT.topIds + 4)], [1, 0, 9, 9]);
  t.equal(words[RESULT.topLogprobs + 2], 9);
  t.equal(words[RESULT.tokenId], 9);
  t.end();
});
