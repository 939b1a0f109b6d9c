import type { PooledTokens, SampledRows, ScoredRows, StepLayout } from './batch.js';
import type { StepResults } from './model-runner.js';
import { logprobsOf, tokenOf } from './results.js';
import type { Sequence } from './sequence.js';
import { countAccepted } from './speculation.js';
import type { EngineStats, FinishReason, PromptStats, TokenLogprobs } from './types.js';

/** What a step gave to one sequence. */
export interface SequenceOutput {
  readonly id: string;
  readonly tokenIds: readonly number[];
  readonly finishReason: FinishReason | null;
  readonly prompt: PromptStats;
  /** Of each token, where the request asks for them. */
  readonly logprobs?: readonly TokenLogprobs[];
  /** With the first token, where the request asks for them. */
  readonly promptLogprobs?: readonly TokenLogprobs[];
  /** In place of tokens, where the request asks for it. */
  readonly embedding?: Float32Array;
}

/** What a step gave to a sequence that still wants it. */
export interface Outcome {
  readonly sequence: Sequence;
  readonly output: SequenceOutput;
}

type Speculation = Pick<EngineStats, 'numDrafts' | 'numDraftTokens' | 'numAcceptedTokens'>;

/** Reads the results of steps into their sequences. */
export class OutcomeReader {
  #speculation: Speculation = { numDrafts: 0, numDraftTokens: 0, numAcceptedTokens: 0 };

  constructor(readonly eosTokenIds: ReadonlySet<number>) {}

  /** Since the start. */
  get speculation(): Speculation {
    return this.#speculation;
  }

  /** @param results of the step, `words` a row for each row of its logits; @param nowMs when they came */
  read(step: StepLayout, { words, hidden }: Pick<StepResults, 'words' | 'hidden'>, nowMs: number): Outcome[] {
    for (const rows of step.scored.filter(isWanted)) readScores(step, rows, words);
    const embedded = step.pooled.filter(isWanted).flatMap((tokens) => {
      const output = readHidden(step, tokens, hidden, nowMs);
      return output === null ? [] : [{ sequence: tokens.sequence, output }];
    });
    const sampled = step.sampled.filter(isWanted);
    return [...embedded, ...sampled.map((rows) => this.#readTokens(step, rows, words, nowMs))];
  }

  #readTokens(step: StepLayout, rows: SampledRows, words: Uint32Array, nowMs: number): Outcome {
    const { sequence } = rows;
    const logprobs: TokenLogprobs[] = [];
    const tokenIds: number[] = [];
    let finishReason: FinishReason | null = null;
    for (const [i, tokenId] of this.#confirmed(rows, words).entries()) {
      if (finishReason !== null) break;
      const row = rows.firstRow + i;
      const told = logprobsOf(words, row, tokenId, step.batch.sampling[row]);
      if (told !== undefined) logprobs.push(told);
      sequence.append(tokenId);
      tokenIds.push(tokenId);
      finishReason = this.#finishReason(sequence, tokenId);
    }
    const isFirst = sequence.firstTokenMs === null;
    sequence.firstTokenMs ??= nowMs;
    const output = { id: sequence.id, tokenIds, finishReason, prompt: sequence.promptStats };
    return { sequence, output: { ...output, ...logprobFields(sequence, logprobs, isFirst) } };
  }

  /** The drafts that hold and the token after them. What was computed of the others is given up. */
  #confirmed({ sequence, firstRow, drafts }: SampledRows, words: Uint32Array): number[] {
    const sampled = [...drafts, 0].map((_, i) => tokenOf(words, firstRow + i));
    if (drafts.length === 0) return sampled;
    const numAccepted = countAccepted(drafts, sampled);
    sequence.numComputedTokens -= drafts.length - numAccepted;
    sequence.draftTokenIds = [];
    this.#speculation = {
      numDrafts: this.#speculation.numDrafts + 1,
      numDraftTokens: this.#speculation.numDraftTokens + drafts.length,
      numAcceptedTokens: this.#speculation.numAcceptedTokens + numAccepted,
    };
    return sampled.slice(0, numAccepted + 1);
  }

  #finishReason({ sampling, tokenIds, maxNumTokens }: Sequence, tokenId: number): FinishReason | null {
    const endsAtEos = !sampling.ignoreEos || sampling.grammar !== undefined;
    if (endsAtEos && this.eosTokenIds.has(tokenId)) return 'stop';
    if (sampling.stopTokenIds.includes(tokenId)) return 'stop';
    return tokenIds.length >= maxNumTokens ? 'length' : null;
  }
}

function isWanted({ sequence }: { readonly sequence: Sequence }): boolean {
  return sequence.status !== 'finished';
}

/** Adds a step's hidden states to a sequence's pool. Returns null where some are still to come. */
function readHidden(
  { batch }: StepLayout,
  { sequence, firstToken, position, numTokens }: PooledTokens,
  hidden: Float32Array | undefined,
  nowMs: number,
): SequenceOutput | null {
  const { pool } = sequence;
  if (hidden === undefined || pool === null) throw new Error('the runner gave no hidden states');
  const size = hidden.length / batch.numTokens;
  pool.take(hidden.subarray(firstToken * size, (firstToken + numTokens) * size), position, size);
  const embedding = pool.result();
  if (embedding === null) return null;
  sequence.firstTokenMs = nowMs;
  return { id: sequence.id, tokenIds: [], finishReason: 'stop', prompt: sequence.promptStats, embedding };
}

function readScores(
  { batch }: StepLayout,
  { sequence, firstRow, targets }: ScoredRows,
  words: Uint32Array,
): void {
  for (const [i, target] of targets.entries()) {
    const row = firstRow + i;
    const told = logprobsOf(words, row, target, batch.scoring[row - batch.sampling.length]);
    if (told !== undefined) sequence.promptLogprobs.push(told);
  }
}

function logprobFields(
  { sampling, promptLogprobs }: Sequence,
  logprobs: readonly TokenLogprobs[],
  isFirst: boolean,
): Pick<SequenceOutput, 'logprobs' | 'promptLogprobs'> {
  return {
    ...(sampling.numLogprobs === undefined ? {} : { logprobs }),
    ...(isFirst && sampling.numPromptLogprobs !== undefined ? { promptLogprobs } : {}),
  };
}
