import {
  BANNED,
  type LogitsEdits,
  pendingToken,
  type SamplingRow,
  type TokenBias,
  type TokenCount,
} from '#halflight/ops/ops.js';
import { RESULT } from '#halflight/ops/result-layout.js';
import { GREEDY, NEUTRAL } from './batches.js';
import type { Case } from './compare.js';
import type { Random } from './random.js';
import { sampleCase } from './sample-case.js';

/** Not a multiple of 32. Ids below 1000 are told apart by every tolerance of the suite. */
const VOCABULARY = 301;
/** Tokens that the step before sampled into its rows. */
const PREVIOUS = [17, 300, 0];

type EditsOf = (random: Random, vocabulary: number) => LogitsEdits;

const PENALTIES = { repetition: 1.75, frequency: 0.375, presence: 0.625 };
const PENDING = pendingToken(1);

const EDITS: readonly (readonly [string, EditsOf])[] = [
  ['nothing', () => NEUTRAL],
  ['tokens that are not allowed', (random, size) => ({ ...NEUTRAL, allowed: randomBits(random, size) })],
  ['biases', (random, size) => ({ ...NEUTRAL, biases: biases(random, size, null) })],
  ['repetition', (random, size) => ({ ...NEUTRAL, repetition: 0.5, counts: counts(random, size) })],
  ['frequency', (random, size) => ({ ...NEUTRAL, frequency: 1.5, counts: counts(random, size) })],
  ['presence', (random, size) => ({ ...NEUTRAL, presence: -1.25, counts: counts(random, size) })],
  ['all', allEdits],
  [
    'penalties with a pending token that the counts hold',
    (random, size) => ({ ...NEUTRAL, ...PENALTIES, counts: counts(random, size, [300]), pending: PENDING }),
  ],
  [
    'penalties with a pending token that they do not hold',
    (random, size) => ({
      ...NEUTRAL,
      ...PENALTIES,
      counts: counts(random, size).filter(({ tokenId }) => tokenId !== 300),
      pending: PENDING,
    }),
  ],
  [
    'biases after the pending token and after others',
    (random, size) => ({ ...NEUTRAL, biases: biasesAfter(random, size), pending: PENDING }),
  ],
  [
    'all, with a pending token',
    (random, size) => ({ ...allEdits(random, size), biases: biasesAfter(random, size), pending: PENDING }),
  ],
];

export function editCases(): [string, Case][] {
  const each = EDITS.map(([name, edits]): [string, Case] => [
    `editLogits: ${name}`,
    editCase([edits, edits]),
  ]);
  // 3 words for each of 2000 biases of two rows: the room for edits grows twice.
  const many: EditsOf = (random, size) => ({ ...NEUTRAL, biases: biases(random, size, null, 2000) });
  return [
    ...each,
    ['editLogits: rows of all kinds', editCase(EDITS.map(([, edits]) => edits))],
    ['editLogits: more than there is room for at first', editCase([many, many], 3000)],
  ];
}

/** The result is all logits: as given, then edited. A row without edits comes between and last. */
function editCase(editsOf: readonly EditsOf[], vocabulary = VOCABULARY): Case {
  return (ops, random) => {
    const edits = [...editsOf.map((of) => of(random, vocabulary)), null];
    const sampling = edits.map((each): SamplingRow => ({ ...GREEDY, edits: each }));
    const logits = sampling.map(() => logitsOf(random, vocabulary));
    const { logits: out } = sampleCase(ops, { logits, sampling, previous: PREVIOUS });
    return { out, rows: 2 * sampling.length - 1 };
  };
}

/** Rows that are edited beside rows that are not, the results of each. */
export function sampleCases(): [string, Case][] {
  return [
    [
      'sample from edited rows and others',
      (ops, random) => {
        const options = [{}, { temperature: 0.01 }, { temperature: 1, topK: 5 }];
        const sampling = options.flatMap((option): SamplingRow[] => [
          { ...GREEDY, ...option, position: 3 },
          { ...GREEDY, ...option, position: 4, edits: allEdits(random, VOCABULARY) },
        ]);
        const logits = sampling.map(() => logitsOf(random, VOCABULARY));
        const { results } = sampleCase(ops, { logits, sampling });
        return { out: results, rows: sampling.length };
      },
    ],
  ];
}

export function logprobsCases(): [string, Case][] {
  return [
    ['logprobs of rows that want none, 0, 5 and 20', logprobsCase(VOCABULARY, (value) => 8 * value)],
    [
      'logprobs of logits of which many are equal',
      logprobsCase(VOCABULARY, (value) => Math.round(2 * value)),
    ],
    ['logprobs of logits that are all equal', logprobsCase(VOCABULARY, () => -1.5)],
    ['logprobs of logits far apart', logprobsCase(VOCABULARY, (value) => 20_000 * value)],
    ['logprobs of fewer tokens than are wanted', logprobsCase(7, (value) => 8 * value)],
  ];
}

/** Sampled rows, one of them edited, which its log-probabilities must not show; then rows with a target, the last of them the likeliest or not. */
function logprobsCase(vocabulary: number, toLogit: (value: number) => number): Case {
  return (ops, random) => {
    const wanted = [null, 0, 5, 20];
    const sampling = wanted.map((numLogprobs): SamplingRow => ({ ...GREEDY, numLogprobs }));
    const edits = { ...NEUTRAL, biases: [{ tokenId: 3, bias: 90_000, after: null }] };
    sampling.push({ ...GREEDY, edits, numLogprobs: 2 });
    const scoring = [0, 5, 20].map((numLogprobs) => ({ target: random.below(vocabulary), numLogprobs }));
    const logits = [...sampling, ...scoring].map(() => random.values(vocabulary).map(toLogit));
    const { results } = sampleCase(ops, { logits, sampling, scoring });
    return { out: results, rows: logits.length, decode: decodeResults };
  };
}

/** Rows of results with the log-probabilities as numbers. */
function decodeResults(words: Uint32Array<ArrayBuffer>): number[] {
  const floats = new Float32Array(words.buffer);
  return Array.from(words, (word, at) => {
    const i = at % RESULT.words;
    const isTop = i >= RESULT.topLogprobs && i < 2 * RESULT.topLogprobs - RESULT.topIds;
    return isTop || i === RESULT.logprob ? floats[at] : word;
  });
}

/** Multiples of 1/64 in [−8, 8]: some are equal, some 0. */
function logitsOf(random: Random, vocabulary: number): Float32Array {
  return random.values(vocabulary).map((value) => 8 * value);
}

function allEdits(random: Random, vocabulary: number): LogitsEdits {
  return {
    ...PENALTIES,
    counts: counts(random, vocabulary),
    pending: null,
    biases: biases(random, vocabulary, null),
    allowed: randomBits(random, vocabulary),
  };
}

function randomBits(random: Random, vocabulary: number): Uint32Array {
  return Uint32Array.from({ length: Math.ceil(vocabulary / 32) }, () => random.word());
}

/** Distinct tokens, a tenth of them banned. */
function biases(random: Random, vocabulary: number, after: number | null, count = 60): TokenBias[] {
  const tokens = random.permutation(vocabulary).slice(0, count);
  return tokens.map((tokenId) => {
    const bias = random.below(10) === 0 ? BANNED : random.below(200) / 2 - 50;
    return { tokenId, bias, after };
  });
}

/** Of most tokens one that always holds, one after the pending token, and one after another, in random order. */
function biasesAfter(random: Random, vocabulary: number): TokenBias[] {
  const all = [null, 300, 299].flatMap((after) => biases(random, vocabulary, after, 200));
  return random.permutation(all.length).map((i) => all[i]);
}

/** Tokens of the prompt alone, of the output alone, and of both. @param held tokens that are surely among them */
function counts(random: Random, vocabulary: number, held: readonly number[] = []): TokenCount[] {
  const tokens = new Set([...held, ...random.permutation(vocabulary).slice(0, 90)]);
  return [...tokens].map((tokenId) => {
    const inPrompt = random.below(2) === 0;
    return { tokenId, inPrompt, count: inPrompt ? random.below(4) : 1 + random.below(3) };
  });
}
