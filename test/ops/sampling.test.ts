import t from 'tap';
import { BANNED } from '#halflight/ops/ops.js';
import { type DrawOptions, gumbel, keptTokens, sampleRow } from '#halflight/ops/sampling.js';
import { HIGHEST_NOISE, LOWEST_NOISE } from '../support/noise.js';

const PLAIN: DrawOptions = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: [1, 2], position: 0 };

/** Logits whose softmax at temperature 1 is 0.1, 0.4, 0.2, 0.2, 0.1. */
const LOGITS = [0.1, 0.4, 0.2, 0.2, 0.1].map(Math.log);
const DOWNWARDS = [1, 2, 3, 0, 4];

const KEPT: readonly [string, Partial<DrawOptions>, readonly number[]][] = [
  ['no limit keeps all', {}, [1, 2, 3, 0, 4]],
  ['top-k 1 keeps the most likely', { topK: 1 }, [1]],
  ['top-k keeps what equals the last one kept', { topK: 2 }, [1, 2, 3]],
  ['top-k of the whole vocabulary keeps all', { topK: 5 }, [1, 2, 3, 0, 4]],
  ['top-k beyond the vocabulary keeps all', { topK: 1000 }, [1, 2, 3, 0, 4]],
  ['top-p below the most likely one keeps that one', { topP: 0.3 }, [1]],
  ['top-p keeps the token that crosses the mass, and its equals', { topP: 0.5 }, [1, 2, 3]],
  ['min-p is a share of the most likely one', { minP: 0.45 }, [1, 2, 3]],
  ['min-p 1 keeps the most likely', { minP: 1 }, [1]],
  ['top-p counts the mass of what top-k has kept', { topK: 2, topP: 0.45 }, [1]],
  ['top-k counts what min-p has kept', { topK: 4, minP: 0.45 }, [1, 2, 3]],
  [
    'a high temperature flattens what min-p and top-p see',
    { temperature: 1e6, topP: 0.9, minP: 0.9 },
    DOWNWARDS,
  ],
  ['a low temperature sharpens it', { temperature: 0.1, topP: 0.9 }, [1]],
];

for (const [sentence, options, expected] of KEPT) {
  t.test(sentence, (t) => {
    t.strictSame(keptTokens(LOGITS, DOWNWARDS, { ...PLAIN, ...options }), expected);
    t.end();
  });
}

t.test('temperature 0 takes the greatest, the lowest index among equals', (t) => {
  const row = { ...PLAIN, temperature: 0 };
  t.equal(sampleRow([1, 3, 2, 3], row), 1);
  t.equal(sampleRow([-5, -5], row), 0);
  t.equal(sampleRow([Number.NEGATIVE_INFINITY, -1e30], row), 1);
  t.end();
});

t.test('draws have the distribution of the softmax over what is kept', (t) => {
  const cases: readonly [Partial<DrawOptions>, readonly number[]][] = [
    [{}, [0.1, 0.4, 0.2, 0.2, 0.1]],
    // Square roots of the probabilities, to a sum of 1.
    [{ temperature: 2 }, [0.1, 0.4, 0.2, 0.2, 0.1].map((p) => Math.sqrt(p) / 2.159338)],
    [{ topK: 2 }, [0, 0.5, 0.25, 0.25, 0]],
  ];
  for (const [options, probabilities] of cases) {
    const counts = drawCounts({ ...PLAIN, ...options }, 20_000);
    // Chi-square with 4 degrees of freedom exceeds 18.5 once in a thousand; the draws are the same every time.
    t.ok(chiSquare(counts, probabilities) < 18.5, `${JSON.stringify(options)}: ${counts}`);
  }
  t.end();
});

function drawCounts(row: DrawOptions, draws: number): number[] {
  const counts = LOGITS.map(() => 0);
  for (let position = 0; position < draws; position++) counts[sampleRow(LOGITS, { ...row, position })]++;
  return counts;
}

/** Σ (count − expected)² / expected; infinite where something is drawn that must not be. */
function chiSquare(counts: readonly number[], probabilities: readonly number[]): number {
  const draws = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, i) => {
    const expected = draws * probabilities[i];
    if (expected === 0) return count === 0 ? sum : Number.POSITIVE_INFINITY;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

t.test('a seed and a position give the same token, others other ones', (t) => {
  const flat = new Float64Array(1000);
  const draw = (options: Partial<DrawOptions>) => sampleRow(flat, { ...PLAIN, ...options });
  t.equal(draw({}), draw({}));
  t.not(draw({ position: 1 }), draw({}));
  t.not(draw({ seed: [2, 2] }), draw({}));
  t.not(draw({ seed: [1, 3] }), draw({}));
  t.end();
});

t.test('the least temperature draws the greatest logit', (t) => {
  for (const temperature of [1e-3, 1e-20, 1e-45]) {
    t.equal(sampleRow([1, 3, 2], { ...PLAIN, temperature }), 1, String(temperature));
  }
  t.end();
});

t.test('a banned token is not drawn while another may be', (t) => {
  const logits = [BANNED, -30, BANNED, -31, BANNED];
  for (const options of [
    { temperature: 0 },
    { temperature: 0.01 },
    { temperature: 50 },
    { topK: 4, minP: 1e-9 },
  ]) {
    for (let position = 0; position < 100; position++) {
      t.ok([1, 3].includes(sampleRow(logits, { ...PLAIN, ...options, position })), JSON.stringify(options));
    }
  }
  t.end();
});

t.test('noise is finite where the generator gives all ones or all zeros', (t) => {
  // u = 2⁻²⁴ and 1 − 2⁻²⁴: −log(−log(1 − u)) is 24 log 2 and −log(24 log 2).
  const ends = [24 * Math.LN2, -Math.log(24 * Math.LN2)];
  const noise = [HIGHEST_NOISE, LOWEST_NOISE].map(({ row, token }) => gumbel(row, token));
  noise.forEach((value, i) => {
    t.ok(Math.abs(value - ends[i]) < 1e-6, `${value} for ${ends[i]}`);
  });
  t.end();
});

t.test('noise has the mean and variance of a Gumbel distribution', (t) => {
  const noise = Array.from({ length: 20_000 }, (_, token) => gumbel({ seed: [5, 6], position: 3 }, token));
  const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
  const variance = noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length;
  // Euler's constant and π²/6; four standard errors of 20,000 draws are 0.036 and 0.12.
  t.ok(Math.abs(mean - 0.5772) < 0.036, String(mean));
  t.ok(Math.abs(variance - Math.PI ** 2 / 6) < 0.12, String(variance));
  t.end();
});
