import type { LoadedModel, ModelRunner } from '#halflight/engine/model-runner.js';
import type { EngineInfo, FinishReason, GenerateRequest, SamplingParams } from '#halflight/engine/types.js';
import type { Batch } from '#halflight/ops/ops.js';

export const FAKE_VOCAB_SIZE = 61;
export const FAKE_EOS = 0;

export interface FakeShape {
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly maxModelLen: number;
}

/**
 * A model without arithmetic: its next token is a hash of what it reads from its KV cache through the block table,
 * for each position of the sequence, and of the sampling row. Any mix-up of slots, blocks, positions or seeds changes the text.
 */
export class FakeRunner implements ModelRunner {
  readonly lost: Promise<Error>;
  readonly dispatchesPerStep = 3;
  numRuns = 0;
  destroyed = false;
  lose: (reason: Error) => void = () => undefined;
  /** `[slot]`, poisoned so that a slot read before it is written shows. */
  readonly #kv: Uint32Array;

  constructor(readonly shape: FakeShape) {
    this.#kv = new Uint32Array(shape.numBlocks * shape.blockSize).fill(0xdead_beef);
    this.lost = new Promise((resolve) => {
      this.lose = resolve;
    });
  }

  async run(batch: Batch): Promise<Uint32Array> {
    this.numRuns += 1;
    this.#write(batch);
    return Uint32Array.from(batch.logitsRows, (token, row) => this.#sample(batch, token, row));
  }

  destroy(): void {
    this.destroyed = true;
  }

  #write(batch: Batch): void {
    if (new Set(batch.slotMapping).size !== batch.numTokens) throw new Error('two tokens share a slot');
    for (let t = 0; t < batch.numTokens; t++) {
      const slot = batch.slotMapping[t];
      if (slot >= this.#kv.length) throw new Error(`slot ${slot} is past the end of the cache`);
      this.#kv[slot] = entry(batch.tokenIds[t], batch.positions[t]);
    }
  }

  #sample(batch: Batch, token: number, row: number): number {
    const { blockSize, maxModelLen } = this.shape;
    const table = batch.sequenceIds[token] * Math.ceil(maxModelLen / blockSize);
    let hash = 0;
    for (let position = 0; position <= batch.positions[token]; position++) {
      const block = batch.blockTables[table + Math.floor(position / blockSize)];
      hash = mix(hash, this.#kv[block * blockSize + (position % blockSize)]);
    }
    const { seed, position } = batch.sampling[row];
    return draw(hash, seed[0], seed[1], position);
  }
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
    const next = draw(hash, Number(seed & 0xffff_ffffn), Number(seed >> 32n), position);
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

export function fakeModel(shape: FakeShape, runner: ModelRunner = new FakeRunner(shape)): LoadedModel {
  const info: EngineInfo = {
    ...shape,
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
  };
  return { runner, info, eosTokenIds: [FAKE_EOS] };
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

function draw(hash: number, low: number, high: number, position: number): number {
  return mix(mix(mix(hash, low), high), position) % FAKE_VOCAB_SIZE;
}

/** A multiply and xor-shift step over 32 bits; good enough to tell two histories apart. */
function mix(hash: number, value: number): number {
  let x = Math.imul(hash ^ value, 0x85eb_ca6b) + 0x1656_67b1;
  x = Math.imul(x ^ (x >>> 15), 0xc2b2_ae35);
  return (x ^ (x >>> 13)) >>> 0;
}
