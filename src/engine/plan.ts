import { blocksFor, type CachedPrefix, missingBlocks } from './block-manager.js';
import type { Sequence } from './sequence.js';

export interface SchedulerLimits {
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  /** Whether sequences share the blocks of equal starts. */
  readonly prefixCaching: boolean;
  /** Rows of logits that a step may spend on telling how likely a prompt is. */
  readonly maxScoredTokens: number;
}

/** Compute the next `numTokens` tokens of the sequence in this step. The last `numDrafts` of them are guesses. */
export interface ScheduledSequence {
  readonly sequence: Sequence;
  readonly numTokens: number;
  readonly numDrafts: number;
}

export interface SchedulerState {
  /** In order of priority, then of arrival: work starts at the front, victims come from the end. */
  readonly running: readonly Sequence[];
  /** In the same order. */
  readonly waiting: readonly Sequence[];
  readonly numFreeBlocks: number;
  readonly blockSize: number;
  /** Tokens of prompts to compute in this step, beside those that decode. */
  readonly maxPrefillTokens: number;
  /** Sequences that hold a block. */
  readonly numReferences: (block: number) => number;
  /** What the cache holds of a waiting sequence's start. */
  readonly findPrefix: (sequence: Sequence) => CachedPrefix;
  /** Names of the full blocks of a sequence's text, in order; none where prefixes are not shared. */
  readonly blockNames: (sequence: Sequence) => readonly string[];
}

/** Tokens of a step, before they count as computed. */
export interface StepCounts {
  readonly numPromptTokens: number;
  readonly numPrefillTokens: number;
  /** Sequences. */
  readonly numDecoding: number;
}

export function countStep(scheduled: readonly ScheduledSequence[]): StepCounts {
  const prefilling = scheduled.filter(({ sequence }) => sequence.isPrefilling);
  return {
    numPromptTokens: scheduled.reduce((sum, item) => sum + numPromptTokens(item), 0),
    numPrefillTokens: prefilling.reduce((sum, { numTokens }) => sum + numTokens, 0),
    numDecoding: scheduled.length - prefilling.length,
  };
}

function numPromptTokens({ sequence, numTokens }: ScheduledSequence): number {
  return Math.max(0, Math.min(sequence.numPromptTokens - sequence.numComputedTokens, numTokens));
}

/** A waiting sequence that starts to run, from the blocks that are there already. */
export interface Admission {
  readonly sequence: Sequence;
  readonly prefix: CachedPrefix;
}

export interface Plan {
  readonly scheduled: readonly ScheduledSequence[];
  /** Running sequences that lose their blocks, newest first. */
  readonly preempted: readonly Sequence[];
  /** Waiting ones that start to run. */
  readonly admitted: readonly Admission[];
}

/**
 * Decides a step: running sequences first, in their order, then waiting ones with the tokens that are left.
 * Nobody is admitted in a step that preempts.
 */
export function planStep(state: SchedulerState, limits: SchedulerLimits): Plan {
  const budget = new Budget(state, limits);
  const { scheduled, preempted } = planRunning(state, budget);
  const computing = new Set(scheduled.flatMap((item) => namesOfStep(state, item)));
  const numFree = freeForWaiting(state, scheduled);
  const waiting = preempted.length > 0 ? NOTHING : planWaiting(state, limits, { budget, computing, numFree });
  return { scheduled: [...scheduled, ...waiting.scheduled], preempted, admitted: waiting.admitted };
}

interface WaitingPlan {
  readonly scheduled: readonly ScheduledSequence[];
  readonly admitted: readonly Admission[];
}

const NOTHING: WaitingPlan = { scheduled: [], admitted: [] };

/** What is left of a step while it is planned. */
class Budget {
  #tokens: number;
  #prefillTokens: number;
  #scoredTokens: number;

  constructor(state: SchedulerState, limits: SchedulerLimits) {
    this.#tokens = limits.maxNumBatchedTokens;
    this.#prefillTokens = state.maxPrefillTokens;
    this.#scoredTokens = limits.maxScoredTokens;
  }

  get isSpent(): boolean {
    return this.#tokens === 0;
  }

  /** Takes the next tokens of a prompt. @param from tokens computed before @returns how many; 0 where nothing is left */
  takePrefill(sequence: Sequence, from: number): number {
    const numTokens = Math.min(sequence.numTokens - from, this.#tokens, this.#prefillTokens);
    const told = Math.max(from, Math.min(sequence.numScoredTokens, sequence.numToScore));
    const toldEnd = told + this.#scoredTokens;
    const taken = toldEnd >= sequence.numToScore ? numTokens : Math.min(numTokens, toldEnd - from);
    this.#tokens -= taken;
    this.#prefillTokens -= taken;
    this.#scoredTokens -= Math.max(0, Math.min(from + taken, sequence.numToScore) - told);
    return taken;
  }

  /** Takes the next token of an answer, and drafts as far as `numOthers` that decode too have their token. */
  takeDecode(numDrafts: number, numOthers: number): number {
    if (this.isSpent) return 0;
    const taken = 1 + Math.max(0, Math.min(numDrafts, this.#tokens - 1 - numOthers));
    this.#tokens -= taken;
    return taken;
  }

  /** Gives drafts back. */
  giveBack(numTokens: number): void {
    this.#tokens += numTokens;
  }
}

interface RunningPlan {
  readonly scheduled: readonly ScheduledSequence[];
  readonly preempted: readonly Sequence[];
}

/**
 * Victims come from the end of the queue and work starts at its front, so a victim was never scheduled in the same step.
 * Nobody is preempted for drafts.
 */
function planRunning(state: SchedulerState, budget: Budget): RunningPlan {
  const kept = [...state.running];
  const preempted: Sequence[] = [];
  const scheduled: ScheduledSequence[] = [];
  let numFree = state.numFreeBlocks;
  const release = releaseCounter(state);
  for (let i = 0; i < kept.length && !budget.isSpent; i++) {
    const sequence = kept[i];
    if (sequence.isComplete || sequence.isHeld) continue;
    const item = takeTokens(state, budget, sequence, { numFree, numOthers: kept.length - i - 1 });
    if (item.numTokens === 0) continue;
    const numNew = newBlocks(state, item);
    while (numNew > numFree && kept.length > i) {
      const victim = kept[kept.length - 1];
      kept.length -= 1;
      preempted.push(victim);
      numFree += release(victim);
    }
    if (kept.length === i) break;
    scheduled.push(item);
    numFree -= numNew;
  }
  return { scheduled, preempted };
}

function takeTokens(
  state: SchedulerState,
  budget: Budget,
  sequence: Sequence,
  { numFree, numOthers }: { readonly numFree: number; readonly numOthers: number },
): ScheduledSequence {
  if (sequence.isPrefilling) {
    const numTokens = budget.takePrefill(sequence, sequence.numComputedTokens);
    return { sequence, numTokens, numDrafts: 0 };
  }
  const numTokens = budget.takeDecode(sequence.draftTokenIds.length, numOthers);
  const item = { sequence, numTokens, numDrafts: Math.max(0, numTokens - 1) };
  if (newBlocks(state, item) <= numFree) return item;
  budget.giveBack(item.numDrafts);
  return { sequence, numTokens: numTokens - item.numDrafts, numDrafts: 0 };
}

function newBlocks({ blockSize }: SchedulerState, { sequence, numTokens }: ScheduledSequence): number {
  return missingBlocks(sequence, sequence.numComputedTokens + numTokens, blockSize);
}

/** Counts the blocks that become free when sequences lose theirs, one after another: a shared block is free when its last holder is gone. */
function releaseCounter(state: SchedulerState): (victim: Sequence) => number {
  const dropped = new Map<number, number>();
  return (victim) => {
    let freed = 0;
    for (const block of victim.blockTable) {
      const times = (dropped.get(block) ?? 0) + 1;
      dropped.set(block, times);
      if (times === state.numReferences(block)) freed += 1;
    }
    return freed;
  };
}

/** Names of the blocks that a step fills. @param from tokens computed before it, where the sequence does not say so yet */
function namesOfStep(
  state: SchedulerState,
  { sequence, numTokens }: ScheduledSequence,
  from = sequence.numComputedTokens,
): readonly string[] {
  const { blockSize, blockNames } = state;
  return blockNames(sequence).slice(Math.floor(from / blockSize), Math.floor((from + numTokens) / blockSize));
}

/** Blocks that are left when the running sequences have all that they will take for the tokens that they have, and for their drafts. */
function freeForWaiting(
  { running, numFreeBlocks, blockSize }: SchedulerState,
  scheduled: readonly ScheduledSequence[],
): number {
  const ends = new Map(
    scheduled.map(({ sequence, numTokens }) => [sequence, sequence.numComputedTokens + numTokens]),
  );
  return running.reduce((numFree, sequence) => {
    const numTokens = Math.max(sequence.numTokens, ends.get(sequence) ?? 0);
    return numFree - missingBlocks(sequence, numTokens, blockSize);
  }, numFreeBlocks);
}

interface WaitingLimits {
  readonly budget: Budget;
  /** Names of the blocks that running sequences fill in this step. */
  readonly computing: Set<string>;
  readonly numFree: number;
}

/**
 * Admits in the queue's order, and only a sequence all of whose tokens find room beside what running ones still have to prefill:
 * one that is admitted by its first chunk alone would be preempted at a later chunk and start over. One whose next block another computes
 * in this very step waits for it: so many answers to one prompt, asked for together, share its blocks.
 */
function planWaiting(
  state: SchedulerState,
  limits: SchedulerLimits,
  { budget, computing, ...left }: WaitingLimits,
): WaitingPlan {
  const { running, waiting, blockSize } = state;
  const scheduled: ScheduledSequence[] = [];
  const admitted: Admission[] = [];
  let { numFree } = left;
  for (const sequence of waiting) {
    // A token that is pending is known before the next step but one.
    if (sequence.isPaused || sequence.numPendingTokens > 0) continue;
    if (sequence.isHeld) break;
    const prefix = state.findPrefix(sequence);
    numFree -= blocksFor(sequence.numTokens, blockSize) - prefix.blocks.length + prefix.numFree;
    if (numFree < 0 || running.length + admitted.length === limits.maxNumSeqs) break;
    if (computing.has(state.blockNames(sequence)[prefix.blocks.length] ?? '')) break;
    const numCached = prefix.blocks.length * blockSize;
    const item = { sequence, numTokens: budget.takePrefill(sequence, numCached), numDrafts: 0 };
    if (item.numTokens === 0) break;
    admitted.push({ sequence, prefix });
    scheduled.push(item);
    for (const name of namesOfStep(state, item, numCached)) computing.add(name);
  }
  return { scheduled, admitted };
}
