import t from 'tap';
import { MAX_LOGPROBS, RESULT } from '#halflight/ops/result-layout.js';

t.test('a row of results has room for all that can be asked, and is a whole number of blocks of 32', (t) => {
  t.ok(RESULT.tokenId < RESULT.logprob && RESULT.logprob < RESULT.rank && RESULT.rank < RESULT.topIds);
  t.equal(RESULT.topIds + MAX_LOGPROBS, RESULT.topLogprobs);
  t.ok(RESULT.topLogprobs + MAX_LOGPROBS <= RESULT.words);
  t.equal(RESULT.words % 32, 0);
  t.end();
});
