import t from 'tap';
import { countAccepted, proposeDraft } from '#halflight/engine/speculation.js';

t.test(
  'what followed the longest earlier match of the end is proposed, the latest among equals',
  async (t) => {
    t.same(proposeDraft([1, 2, 3, 4, 9, 2, 3], 3), [4, 9, 2]);
    t.same(proposeDraft([1, 2, 7, 1, 2, 8, 1, 2], 1), [8], 'the latest');
    t.same(proposeDraft([5, 1, 2, 7, 6, 1, 2, 8, 5, 1, 2], 1), [7], 'the longer');
  },
);

t.test('a draft may run into the end of the text', async (t) => {
  t.same(proposeDraft([1, 1, 1], 4), [1]);
  t.same(proposeDraft([1, 2, 1, 2], 5), [1, 2]);
});

t.test(
  'nothing is proposed for an end that is new, one token long, or where no draft is wanted',
  async (t) => {
    for (const text of [[], [1], [1, 2, 3, 4], [3, 1, 2, 3]]) t.same(proposeDraft(text, 4), []);
    t.same(proposeDraft([1, 2, 1, 2], 0), []);
    t.same(proposeDraft([1, 2, 1, 2], -1), []);
  },
);

t.test('drafts hold up to the first that the model did not sample', async (t) => {
  t.equal(countAccepted([1, 2, 3], [1, 2, 3, 4]), 3);
  t.equal(countAccepted([1, 2, 3], [1, 9, 3, 4]), 1);
  t.equal(countAccepted([1], [2, 5]), 0);
  t.equal(countAccepted([], [2]), 0);
});

t.test('a checked draft leaves the distribution of what is drawn as it is', async (t) => {
  // 3 tokens, drawn 30,000 times, with a draft of token 1 each time: the frequencies must be the model's.
  const p = [0.2, 0.5, 0.3];
  const counts = [0, 0, 0];
  let state = 1;
  const uniform = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const draw = (): number => {
    const u = uniform();
    return u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2;
  };
  for (let i = 0; i < 30_000; i++) {
    const sampled = [draw(), draw()];
    const first = [1].slice(0, countAccepted([1], sampled))[0] ?? sampled[0];
    counts[first] += 1;
  }
  // Five standard errors of a share of 30,000: 5 · sqrt(0.25 / 30,000).
  for (const [i, count] of counts.entries()) t.ok(Math.abs(count / 30_000 - p[i]) < 0.0145);
});
