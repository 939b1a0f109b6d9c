import t from 'tap';
import { logprobsOf, tokenOf } from '#halflight/engine/results.js';
import { RESULT } from '#halflight/ops/result-layout.js';

/** Two rows of results; the second tells of two tokens. */
function results(): Uint32Array {
  const words = new Uint32Array(2 * RESULT.words);
  const floats = new Float32Array(words.buffer);
  words.set([7], 0);
  words.set([9], RESULT.words);
  floats[RESULT.words + RESULT.logprob] = -1.5;
  words[RESULT.words + RESULT.rank] = 3;
  words.set([4, 5], RESULT.words + RESULT.topIds);
  floats.set([-0.25, -0.5], RESULT.words + RESULT.topLogprobs);
  return words;
}

t.test('a row holds its token and, where asked, how likely it and others were', async (t) => {
  t.equal(tokenOf(results(), 0), 7);
  t.equal(tokenOf(results(), 1), 9);
  t.same(logprobsOf(results(), 1, 9, { numLogprobs: 2 }), {
    tokenId: 9,
    logprob: -1.5,
    rank: 3,
    top: [
      { tokenId: 4, logprob: -0.25 },
      { tokenId: 5, logprob: -0.5 },
    ],
  });
  t.same(logprobsOf(results(), 1, 9, { numLogprobs: 0 })?.top, []);
  t.equal(logprobsOf(results(), 1, 9, { numLogprobs: null }), undefined);
});
