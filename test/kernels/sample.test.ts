import t, { type Test } from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';
import { BANNED, type SamplingRow } from '#halflight/ops/ops.js';
import { gumbel, keptTokens, sampleRow } from '#halflight/ops/sampling.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { GREEDY } from '../support/batches.js';
import { testDevice } from '../support/device.js';
import { HIGHEST_NOISE, LOWEST_NOISE } from '../support/noise.js';
import { Random } from '../support/random.js';
import { type SampleInput, sampleCase, tokensOf } from '../support/sample-case.js';

const VOCABULARIES = [1, 50, 2048];

// The first compilation takes a software adapter some seconds.
t.setTimeout(200_000);
const device = await testDevice();
t.teardown(() => device.destroy());
const ops = new WebGpuOps(device, 'f32');

async function sampled(input: SampleInput, on = ops): Promise<number[]> {
  return tokensOf(on, sampleCase(on, input));
}

async function sameAsReference(t: Test, input: SampleInput): Promise<void> {
  const reference = new CpuOps();
  t.strictSame(await sampled(input), await tokensOf(reference, sampleCase(reference, input)));
}

function repeated<T>(value: T, count: number): T[] {
  return Array.from({ length: count }, () => value);
}

t.test(
  'greedy rows take the greatest logit, the lowest index among equals, and rows beyond stay as they were',
  async (t) => {
    t.setTimeout(200_000);
    const random = new Random(1);
    for (const vocabulary of VOCABULARIES) {
      // Multiples of 1/512 in [−1, 1]: 2048 of them hold many equals.
      const logits = Array.from({ length: 8 }, () => random.values(vocabulary));
      logits.push(new Float32Array(vocabulary).fill(-3));
      await sameAsReference(t, { logits, sampling: repeated(GREEDY, logits.length) });
    }
  },
);

/** Options in all combinations that requests come with. */
function mixedRows(random: Random, count: number): SamplingRow[] {
  const pick = <T>(choices: readonly T[]) => choices[random.below(choices.length)];
  return Array.from({ length: count }, () => ({
    ...GREEDY,
    temperature: pick([0, 0.3, 0.7, 1, 1.5]),
    topK: pick([0, 0, 1, 5, 40]),
    topP: pick([1, 1, 0.5, 0.9, 0.95]),
    minP: pick([0, 0, 0.05, 0.3]),
    seed: [random.word(), random.word()],
    position: random.below(1000),
  }));
}

/** Logits as a model's: most far below a few. */
function peakedLogits(random: Random, vocabulary: number): Float32Array {
  return random.values(vocabulary).map((value) => 12 * value ** 3 + 0.1 * value);
}

/**
 * True where f32 may rightly draw another token than f64: its score is within 1e-3 of the best, for scores of size 20 in f32 and logs with
 * an error of 2⁻²¹, and it is kept where the limits of top-p and min-p are loosened by 1e-4, for sums of 2048 probabilities in f32.
 */
function isNearTie(logits: Float32Array, row: SamplingRow, token: number): boolean {
  const order = Array.from(logits, (_, i) => i).sort((a, b) => logits[b] - logits[a]);
  const score = (i: number) => logits[i] / row.temperature + gumbel(row, i);
  const loose = { ...row, topP: Math.min(1, row.topP + 1e-4), minP: row.minP * (1 - 1e-4) };
  const kept = keptTokens(logits, order, loose);
  return kept.includes(token) && score(token) > score(sampleRow(logits, row)) - 1e-3;
}

/** With as many lanes as on a GPU, which add up as there: sums in another order, the same draws. */
async function widelySampled(input: SampleInput): Promise<number[]> {
  const wide = new WebGpuOps(device, 'f32', { sampleLanes: 256, subgroupSums: true });
  return (await sampled(input, wide)).slice(0, input.logits.length);
}

for (const vocabulary of VOCABULARIES) {
  t.test(`of a vocabulary of ${vocabulary}, the GPU draws what the reference draws`, async (t) => {
    t.setTimeout(200_000);
    const random = new Random(vocabulary);
    const sampling = mixedRows(random, 200);
    const logits = sampling.map(() => peakedLogits(random, vocabulary));
    const ids = (await sampled({ logits, sampling })).slice(0, 200);
    if (vocabulary === 2048) t.strictSame(await widelySampled({ logits, sampling }), ids, '256 lanes');
    const others = ids.map((_, i) => i).filter((i) => ids[i] !== sampleRow(logits[i], sampling[i]));
    for (const i of others) {
      t.ok(isNearTie(logits[i], sampling[i], ids[i]), `row ${i}: ${ids[i]} ${JSON.stringify(sampling[i])}`);
    }
    t.ok(others.length <= 2, `${others.length} of 200 rows differ, at most one in a hundred may`);
  });
}

t.test(
  'logits far apart, infinite, or beyond the reach of the noise are drawn as by the reference',
  async (t) => {
    const plain = { ...GREEDY, temperature: 1 };
    const lowest = Number.NEGATIVE_INFINITY;
    await sameAsReference(t, {
      logits: [
        [0, lowest, 5, lowest],
        [lowest, lowest, lowest, 1],
        [-3e38, 3e38, 0, -3e38],
        [1000, 0, 0, 0],
      ],
      sampling: repeated({ ...plain, topP: 0.9, topK: 3 }, 4),
    });
  },
);

t.test('the least temperatures draw the greatest logit', async (t) => {
  const temperatures = [1e-3, 1e-20, 1e-37, 1e-39, 1e-45];
  const sampling = temperatures.map((temperature) => ({ ...GREEDY, temperature, topP: 0.9, minP: 0.1 }));
  const ids = await sampled({ logits: repeated([-1, 2.5, 2], sampling.length), sampling });
  t.strictSame(ids.slice(0, sampling.length), repeated(1, sampling.length));
});

t.test(
  'the rarest words of the generator give the noise of the reference, never an infinite one',
  async (t) => {
    const rows = [
      // 24 log 2 = 16.6 more than the token's own logit, against 49 others with noise of 4 or so.
      { ...HIGHEST_NOISE, logit: -5, drawn: true },
      { ...HIGHEST_NOISE, logit: -30, drawn: false },
      { ...LOWEST_NOISE, logit: -5, drawn: false },
      { ...LOWEST_NOISE, logit: 30, drawn: true },
    ];
    const input = {
      logits: rows.map(({ token, logit }) => Array.from({ length: 50 }, (_, i) => (i === token ? logit : 0))),
      sampling: rows.map(({ row }) => ({ ...GREEDY, temperature: 1, ...row })),
    };
    await sameAsReference(t, input);
    const ids = await sampled(input);
    t.strictSame(
      rows.map(({ token }, i) => ids[i] === token),
      rows.map(({ drawn }) => drawn),
    );
  },
);

t.test('logits that are not numbers still give a token of the vocabulary', async (t) => {
  const broken = new Float32Array(50).fill(Number.NaN);
  const ids = await sampled({
    logits: [broken, broken],
    sampling: [GREEDY, { ...GREEDY, temperature: 1, topP: 0.5 }],
  });
  t.ok(
    ids.slice(0, 2).every((id) => id < 50),
    String(ids),
  );
});

t.test('a banned token is never drawn, whatever the limits would let through', async (t) => {
  t.setTimeout(200_000);
  const options = [
    { temperature: 0 },
    { temperature: 0.01 },
    { temperature: 1e-45 },
    { temperature: 100 },
    { temperature: 1, topK: 40 },
    { temperature: 1, topP: 0.9999 },
    { temperature: 1, minP: 1e-30 },
    { temperature: 2, topK: 40, topP: 0.99, minP: 1e-6 },
  ];
  // Two tokens may be drawn, and in the other rows one; all others of 50 are banned, the first and the last among them.
  for (const free of [[7, 31], [48]]) {
    const logits = Array.from({ length: 50 }, (_, i) => (free.includes(i) ? -20 - i : BANNED));
    const sampling = options.flatMap((option) =>
      Array.from({ length: 25 }, (_, position): SamplingRow => ({ ...GREEDY, ...option, position })),
    );
    const ids = await sampled({ logits: repeated(logits, sampling.length), sampling });
    t.strictSame(new Set(ids.slice(0, sampling.length)), new Set(free));
  }
});

t.test('where all tokens are banned one of the vocabulary is drawn', async (t) => {
  const sampling = [GREEDY, { ...GREEDY, temperature: 1 }];
  const ids = await sampled({ logits: repeated(new Array<number>(50).fill(BANNED), 2), sampling });
  t.ok(
    ids.slice(0, 2).every((id) => id < 50),
    String(ids),
  );
});
