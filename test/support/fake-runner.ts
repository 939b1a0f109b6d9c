import type { LoadedModel, ModelRunner, StepResults } from '#halflight/engine/model-runner.js';
import type {
  EngineInfo,
  FinishReason,
  GenerateRequest,
  Pooling,
  SamplingParams,
} from '#halflight/engine/types.js';
import { BANNED, type Batch, type LogitsEdits, pendingRow } from '#halflight/ops/ops.js';
import { RESULT } from '#halflight/ops/result-layout.js';

export const FAKE_VOCAB_SIZE = 61;
export const FAKE_EOS = 0;
export const FAKE_HIDDEN_SIZE = 2;

export interface FakeShape {
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly maxModelLen: number;
}

/**
 * A model without arithmetic: its next token is a hash of what it reads from its KV cache through the block table,
 * for each position of the sequence, and of the sampling row with its edits. Any mix-up of slots, blocks, positions, seeds or penalties
 * changes the text. How likely a token is, is a hash too.
 */
export class FakeRunner implements ModelRunner {
  readonly lost: Promise<Error>;
  readonly dispatchesPerStep = 3;
  numRuns = 0;
  destroyed = false;
  lose: (reason: Error) => void = () => undefined;
  /** `[slot]`, poisoned so that a slot read before it is written shows. */
  readonly #kv: Uint32Array;
  /** Tokens of the rows of the batch before. */
  #previous: readonly number[] = [];

  constructor(readonly shape: FakeShape) {
    this.#kv = new Uint32Array(shape.numBlocks * shape.blockSize).fill(0xdead_beef);
    this.lost = new Promise((resolve) => {
      this.lose = resolve;
    });
  }

  async run(
    batch: Batch,
    { hidden }: { readonly hidden: boolean } = { hidden: false },
  ): Promise<StepResults> {
    this.numRuns += 1;
    this.#write(batch);
    const rows = [...batch.logitsRows].map((token, row) => this.#row(batch, token, row));
    this.#previous = rows.map(({ tokenId }) => tokenId);
    const states = Array.from({ length: hidden ? batch.numTokens : 0 }, (_, token) =>
      hiddenState(this.#read(batch, token)),
    );
    const told = hidden ? { hidden: Float32Array.from(states.flat()) } : {};
    return { words: resultWords(rows), gpuMs: null, ...told };
  }

  destroy(): void {
    this.destroyed = true;
  }

  #write(batch: Batch): void {
    if (new Set(batch.slotMapping).size !== batch.numTokens) throw new Error('two tokens share a slot');
    for (let t = 0; t < batch.numTokens; t++) {
      const slot = batch.slotMapping[t];
      if (slot >= this.#kv.length) throw new Error(`slot ${slot} is past the end of the cache`);
      this.#kv[slot] = entry(this.#known(batch.tokenIds[t]), batch.positions[t]);
    }
  }

  /** As the device finds a token that the host does not know. */
  #known(tokenId: number): number {
    const row = pendingRow(tokenId);
    if (row === null) return tokenId;
    if (row >= this.#previous.length) throw new Error(`row ${row} is past the end of the previous results`);
    return this.#previous[row];
  }

  #row(batch: Batch, token: number, row: number): FakeRow {
    const hash = this.#read(batch, token);
    const sampling = batch.sampling[row];
    if (sampling === undefined) {
      const { target, numLogprobs } = batch.scoring[row - batch.sampling.length];
      return { tokenId: target, hash, numLogprobs };
    }
    const { seed, position, edits, numLogprobs } = sampling;
    const pending = edits === null || edits.pending === null ? null : this.#known(edits.pending);
    const edited = mix(hash, edits === null ? 0 : digest(effectiveEdits(edits, pending)));
    return { tokenId: draw(edited, seed, position, vocabularyOf(sampling)), hash, numLogprobs };
  }

  #read(batch: Batch, token: number): number {
    const { blockSize, maxModelLen } = this.shape;
    const table = batch.sequenceIds[token] * Math.ceil(maxModelLen / blockSize);
    let hash = 0;
    for (let position = 0; position <= batch.positions[token]; position++) {
      const block = batch.blockTables[table + Math.floor(position / blockSize)];
      hash = mix(hash, this.#kv[block * blockSize + (position % blockSize)]);
    }
    return hash;
  }
}

interface FakeRow {
  readonly tokenId: number;
  readonly hash: number;
  readonly numLogprobs: number | null;
}

function resultWords(rows: readonly FakeRow[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(rows.length * RESULT.words);
  const floats = new Float32Array(words.buffer);
  for (const [i, { tokenId, hash, numLogprobs }] of rows.entries()) {
    const at = i * RESULT.words;
    words[at] = tokenId;
    if (numLogprobs === null) continue;
    floats[at + RESULT.logprob] = fakeLogprob(hash, tokenId);
    words[at + RESULT.rank] = 1 + (tokenId % 7);
    for (let k = 0; k < numLogprobs; k++) {
      words[at + RESULT.topIds + k] = k;
      floats[at + RESULT.topLogprobs + k] = fakeLogprob(hash, k);
    }
  }
  return words;
}

/** An f32 without rounding. */
function fakeLogprob(hash: number, tokenId: number): number {
  return -(mix(hash, tokenId) % 4096) / 256;
}

/** One step's results that say no more than which tokens were sampled. */
export function sampledTokens(tokenIds: readonly number[]): StepResults {
  return {
    words: resultWords(tokenIds.map((tokenId) => ({ tokenId, hash: 0, numLogprobs: null }))),
    gpuMs: null,
  };
}

/** Edits as they take effect, whatever way they came. */
interface FakeEdits {
  readonly penalties: readonly number[];
  /** Token, and twice its count in the output plus 1 for one of the prompt. */
  readonly counts: ReadonlyMap<number, number>;
  readonly biases: ReadonlyMap<number, number>;
  readonly allowed: readonly number[] | null;
}

function effectiveEdits(edits: LogitsEdits, pending: number | null): FakeEdits {
  const { repetition, frequency, presence } = edits;
  const penalties = [repetition, frequency, presence];
  const counts = new Map(
    edits.counts.map(({ tokenId, inPrompt, count }) => [tokenId, 2 * count + Number(inPrompt)]),
  );
  if (pending !== null && isPenalty(penalties)) counts.set(pending, (counts.get(pending) ?? 0) + 2);
  const held = edits.biases.filter(({ after }) => after === null || after === pending);
  const bits = edits.allowed;
  const tokens = Array.from({ length: FAKE_VOCAB_SIZE }, (_, id) => id);
  return {
    penalties,
    counts,
    biases: new Map(held.map(({ tokenId, bias }) => [tokenId, bias])),
    allowed: bits === null ? null : tokens.filter((id) => ((bits[id >>> 5] >>> (id & 31)) & 1) === 1),
  };
}

/** The same from the request and the text that it has so far. */
function expectedEdits(
  { promptTokenIds, sampling }: GenerateRequest,
  output: readonly number[],
): FakeEdits | null {
  const { logits, stopTokenIds } = sampling;
  if (logits === undefined) return null;
  const penalties = [logits.repetitionPenalty, logits.frequencyPenalty, logits.presencePenalty];
  const counts = new Map<number, number>(isPenalty(penalties) ? promptTokenIds.map((id) => [id, 1]) : []);
  if (isPenalty(penalties)) for (const id of output) counts.set(id, (counts.get(id) ?? 0) + 2);
  const biases = new Map<number, number>(logits.logitBias);
  const banned = output.length < logits.minTokens ? [FAKE_EOS, ...stopTokenIds] : [];
  const bad = logits.badWords.filter((word) =>
    `,${output},`.endsWith(word.length === 1 ? '' : `,${word.slice(0, -1)},`),
  );
  for (const id of [...banned, ...bad.map((word) => word[word.length - 1])]) biases.set(id, BANNED);
  const { allowedTokenIds } = logits;
  return {
    penalties,
    counts,
    biases,
    allowed: allowedTokenIds === null ? null : [...allowedTokenIds].sort((a, b) => a - b),
  };
}

function isPenalty([repetition, frequency, presence]: readonly number[]): boolean {
  return repetition !== 1 || frequency !== 0 || presence !== 0;
}

function digest({ penalties, counts, biases, allowed }: FakeEdits): number {
  const pairs = (map: ReadonlyMap<number, number>): number =>
    [...map].reduce((sum, [id, value]) => (sum + mix(mix(1, id), Math.round(value * 64))) >>> 0, 0);
  const list = [
    ...penalties.map((x) => Math.round(x * 64)),
    pairs(counts),
    pairs(biases),
    ...(allowed ?? [-1]),
  ];
  return list.reduce((hash, value) => mix(hash, value), 5);
}

/** What the fake model must answer, from the token list alone. */
export function expectedAnswer(
  request: GenerateRequest,
  maxModelLen: number,
): { tokenIds: number[]; finishReason: FinishReason } {
  const { seed, maxTokens, ignoreEos, stopTokenIds } = request.sampling;
  const tokenIds: number[] = [];
  let hash = request.promptTokenIds.reduce((sum, token, position) => mix(sum, entry(token, position)), 0);
  for (let position = request.promptTokenIds.length; ; position++) {
    const edits = expectedEdits(request, tokenIds);
    const edited = mix(hash, edits === null ? 0 : digest(edits));
    const words = [Number(seed & 0xffff_ffffn), Number(seed >> 32n)] as const;
    const next = draw(edited, words, position, vocabularyOf(request.sampling));
    tokenIds.push(next);
    if ((next === FAKE_EOS && !ignoreEos) || stopTokenIds.includes(next)) {
      return { tokenIds, finishReason: 'stop' };
    }
    if (tokenIds.length === maxTokens || position + 1 === maxModelLen) {
      return { tokenIds, finishReason: 'length' };
    }
    hash = mix(hash, entry(next, position));
  }
}

/** How likely each token of a text but the first is to the fake model. */
export function expectedLogprobs(tokenIds: readonly number[]): number[] {
  let hash = 0;
  return tokenIds.slice(0, -1).map((token, position) => {
    hash = mix(hash, entry(token, position));
    return fakeLogprob(hash, tokenIds[position + 1]);
  });
}

/** Whole numbers, so that a mean is the same in any order. */
function hiddenState(hash: number): readonly [number, number] {
  return [hash % 1024, (hash >>> 10) % 1024];
}

/** What the fake model's hidden states of a text are, pooled. */
export function expectedEmbedding(tokenIds: readonly number[], pooling: Pooling): number[] {
  let hash = 0;
  const states = tokenIds.map((token, position) => {
    hash = mix(hash, entry(token, position));
    return hiddenState(hash);
  });
  const pooled = pooling === 'last' ? states.slice(-1) : states;
  return [0, 1].map((i) => Math.fround(pooled.reduce((sum, state) => sum + state[i], 0) / pooled.length));
}

export function fakeModel(shape: FakeShape, runner: ModelRunner = new FakeRunner(shape)): LoadedModel {
  const info: EngineInfo = {
    ...shape,
    hiddenSize: FAKE_HIDDEN_SIZE,
    maxNumSeqs: 8,
    adapter: {
      name: 'fake',
      vendor: 'fake',
      backend: 'cpu',
      driver: '',
      software: true,
      f16: false,
      subgroups: false,
    },
    memory: { weights: 0, kv_cache: 0, activations: 0 },
    weightFormat: 'f32',
    computeType: 'f32',
    kvCacheType: 'f32',
  };
  return { runner, info, vocabSize: FAKE_VOCAB_SIZE, eosTokenIds: [FAKE_EOS] };
}

export function fakeRequest(
  id: string,
  promptTokenIds: readonly number[],
  sampling: Partial<SamplingParams> = {},
): GenerateRequest {
  return {
    id,
    promptTokenIds,
    sampling: {
      maxTokens: 8,
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: 7n,
      ignoreEos: true,
      stopTokenIds: [],
      ...sampling,
    },
  };
}

function entry(token: number, position: number): number {
  return mix(mix(0x9e37_79b9, token), position);
}

function draw(hash: number, [low, high]: readonly [number, number], position: number, size: number): number {
  return mix(mix(mix(hash, low), high), position) % size;
}

/** A greedy text has few words, so that guesses of what follows are right now and then. */
function vocabularyOf({ temperature }: { readonly temperature: number }): number {
  return temperature === 0 ? 2 : FAKE_VOCAB_SIZE;
}

/** A multiply and xor-shift step over 32 bits; good enough to tell two histories apart. */
function mix(hash: number, value: number): number {
  let x = Math.imul(hash ^ value, 0x85eb_ca6b) + 0x1656_67b1;
  x = Math.imul(x ^ (x >>> 15), 0xc2b2_ae35);
  return (x ^ (x >>> 13)) >>> 0;
}
