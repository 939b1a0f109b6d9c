import { type BlockManager, blocksFor, type CachedPrefix, missingBlocks } from './block-manager.js';
import { extendBlockNames } from './block-names.js';
import type { Sequence } from './sequence.js';

export interface SchedulerLimits {
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  /** Whether sequences share the blocks of equal starts. */
  readonly prefixCaching: boolean;
}

/** Compute the next `numTokens` tokens of the sequence in this step. */
export interface ScheduledSequence {
  readonly sequence: Sequence;
  readonly numTokens: number;
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

/** A waiting sequence that starts to run, from the blocks that are there already. */
export interface Admission {
  readonly sequence: Sequence;
  readonly prefix: CachedPrefix;
}

export interface Plan {
  readonly scheduled: readonly ScheduledSequence[];
  /** Running sequences that lose their blocks, newest first. */
  readonly preempted: readonly Sequence[];
  /** The first of the waiting ones that start to run. */
  readonly admitted: readonly Admission[];
}

/**
 * Decides a step: running sequences first, in their order, then waiting ones with the tokens that are left.
 * Nobody is admitted in a step that preempts.
 */
export function planStep(state: SchedulerState, limits: SchedulerLimits): Plan {
  const { scheduled, preempted, budget, prefillBudget } = planRunning(state, limits.maxNumBatchedTokens);
  const computing = new Set(scheduled.flatMap((item) => namesOfStep(state, item)));
  const waiting =
    preempted.length > 0 ? NOTHING : planWaiting(state, limits, Math.min(budget, prefillBudget), computing);
  return { scheduled: [...scheduled, ...waiting.scheduled], preempted, admitted: waiting.admitted };
}

interface WaitingPlan {
  readonly scheduled: readonly ScheduledSequence[];
  readonly admitted: readonly Admission[];
}

const NOTHING: WaitingPlan = { scheduled: [], admitted: [] };

interface RunningPlan {
  readonly scheduled: readonly ScheduledSequence[];
  readonly preempted: readonly Sequence[];
  /** Tokens left, and of these for prompts. */
  readonly budget: number;
  readonly prefillBudget: number;
}

/** Victims come from the end of the queue and work starts at its front, so a victim was never scheduled in the same step. */
function planRunning(state: SchedulerState, maxTokens: number): RunningPlan {
  const kept = [...state.running];
  const preempted: Sequence[] = [];
  const scheduled: ScheduledSequence[] = [];
  let budget = maxTokens;
  let prefillBudget = state.maxPrefillTokens;
  let numFree = state.numFreeBlocks;
  const release = releaseCounter(state);
  for (let i = 0; i < kept.length && budget > 0; i++) {
    const sequence = kept[i];
    const { isPrefilling } = sequence;
    const numTokens = Math.min(sequence.numUncomputedTokens, budget, isPrefilling ? prefillBudget : 1);
    if (numTokens === 0) continue;
    const numNew = missingBlocks(sequence, sequence.numComputedTokens + numTokens, state.blockSize);
    while (numNew > numFree && kept.length > i) {
      const victim = kept[kept.length - 1];
      kept.length -= 1;
      preempted.push(victim);
      numFree += release(victim);
    }
    if (kept.length === i) break;
    scheduled.push({ sequence, numTokens });
    budget -= numTokens;
    if (isPrefilling) prefillBudget -= numTokens;
    numFree -= numNew;
  }
  return { scheduled, preempted, budget, prefillBudget };
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

/**
 * Admits in the queue's order, and only a sequence all of whose tokens find room beside what running ones still have to prefill:
 * one that is admitted by its first chunk alone would be preempted at a later chunk and start over. One whose next block another computes
 * in this very step waits for it: so many answers to one prompt, asked for together, share its blocks.
 * @param computing names of the blocks that running sequences fill in this step
 */
function planWaiting(
  state: SchedulerState,
  limits: SchedulerLimits,
  maxTokens: number,
  computing: Set<string>,
): WaitingPlan {
  const { running, waiting, blockSize } = state;
  const scheduled: ScheduledSequence[] = [];
  const admitted: Admission[] = [];
  let budget = maxTokens;
  let numFree = state.numFreeBlocks;
  for (const sequence of running) numFree -= missingBlocks(sequence, sequence.numTokens, blockSize);
  for (const sequence of waiting) {
    const prefix = state.findPrefix(sequence);
    numFree -= blocksFor(sequence.numTokens, blockSize) - prefix.blocks.length + prefix.numFree;
    if (budget === 0 || numFree < 0 || running.length + admitted.length === limits.maxNumSeqs) break;
    if (computing.has(state.blockNames(sequence)[prefix.blocks.length] ?? '')) break;
    const numCached = prefix.blocks.length * blockSize;
    const item = { sequence, numTokens: Math.min(sequence.numTokens - numCached, budget) };
    admitted.push({ sequence, prefix });
    scheduled.push(item);
    for (const name of namesOfStep(state, item, numCached)) computing.add(name);
    budget -= item.numTokens;
  }
  return { scheduled, admitted };
}

/** The two queues, and the blocks of those that run. */
export class Scheduler {
  #running: Sequence[] = [];
  #waiting: Sequence[] = [];
  #numPreemptions = 0;
  #prefixQueries = 0;
  #prefixHits = 0;

  constructor(
    readonly blocks: BlockManager,
    readonly limits: SchedulerLimits,
  ) {}

  /** Running sequences whose next token is all that is left to compute. */
  get numDecoding(): number {
    return this.#running.filter(({ isPrefilling }) => !isPrefilling).length;
  }

  get numRunning(): number {
    return this.#running.length;
  }

  get numWaiting(): number {
    return this.#waiting.length;
  }

  /** Since the start. */
  get numPreemptions(): number {
    return this.#numPreemptions;
  }

  /** Tokens that were looked up in the prefix cache, and those found, since the start. */
  get prefixCache(): { readonly queries: number; readonly hits: number } {
    return { queries: this.#prefixQueries, hits: this.#prefixHits };
  }

  /** All unfinished sequences. */
  sequences(): Sequence[] {
    return [...this.#running, ...this.#waiting];
  }

  add(sequence: Sequence): void {
    insert(this.#waiting, sequence);
  }

  /** Takes the sequence out, wherever it is, and frees its blocks. */
  finish(sequence: Sequence): void {
    const queue = sequence.status === 'running' ? this.#running : this.#waiting;
    const index = queue.indexOf(sequence);
    if (index < 0) throw new Error(`sequence ${sequence.id} is ${sequence.status} but in no queue`);
    queue.splice(index, 1);
    this.blocks.free(sequence);
    sequence.status = 'finished';
  }

  /** The next step's work, with its blocks allocated. */
  schedule(maxPrefillTokens = Number.POSITIVE_INFINITY): readonly ScheduledSequence[] {
    const plan = planStep(this.#state(maxPrefillTokens), this.limits);
    this.#preempt(plan.preempted);
    this.#admit(plan.admitted);
    for (const { sequence, numTokens } of plan.scheduled) {
      this.blocks.allocate(sequence, sequence.numComputedTokens + numTokens);
    }
    return plan.scheduled;
  }

  /** Call when the sequence's computed tokens have grown, so that others can share its full blocks. */
  remember(sequence: Sequence): void {
    const numFull = Math.floor(sequence.numComputedTokens / this.blocks.blockSize);
    this.blocks.remember(sequence, this.#names(sequence).slice(0, numFull));
  }

  #state(maxPrefillTokens: number): SchedulerState {
    const { numFree, blockSize } = this.blocks;
    return {
      running: this.#running,
      waiting: this.#waiting,
      numFreeBlocks: numFree,
      blockSize,
      maxPrefillTokens,
      numReferences: (block) => this.blocks.numReferences(block),
      findPrefix: (sequence) => this.#findPrefix(sequence),
      blockNames: (sequence) => this.#names(sequence),
    };
  }

  /** One token at least is left to compute: its logits are what the sequence waits for. */
  #findPrefix(sequence: Sequence): CachedPrefix {
    const numUsable = Math.floor((sequence.numTokens - 1) / this.blocks.blockSize);
    return this.blocks.findPrefix(this.#names(sequence).slice(0, numUsable));
  }

  /** Names of the full blocks of the sequence's text; none where prefixes are not shared. */
  #names({ blockNames, tokenIds, salt }: Sequence): readonly string[] {
    if (!this.limits.prefixCaching) return [];
    extendBlockNames(blockNames, tokenIds, { blockSize: this.blocks.blockSize, salt });
    return blockNames;
  }

  /** Back to the queue, where they come before all that arrived later; their tokens are computed again. */
  #preempt(newestFirst: readonly Sequence[]): void {
    for (const sequence of newestFirst) {
      this.blocks.free(sequence);
      sequence.numComputedTokens = 0;
      sequence.status = 'waiting';
    }
    this.#running.length -= newestFirst.length;
    for (const sequence of newestFirst) insert(this.#waiting, sequence);
    this.#numPreemptions += newestFirst.length;
  }

  /** Prefixes are taken before any block is given out, which could evict them. */
  #admit(admitted: readonly Admission[]): void {
    this.#waiting.splice(0, admitted.length);
    for (const { sequence, prefix } of admitted) {
      this.blocks.acquire(sequence, prefix);
      sequence.numComputedTokens = prefix.blocks.length * this.blocks.blockSize;
      sequence.numCachedTokens ??= sequence.numComputedTokens;
      sequence.status = 'running';
      insert(this.#running, sequence);
      this.#countPrefix(sequence);
    }
  }

  #countPrefix(sequence: Sequence): void {
    this.#prefixQueries += sequence.numTokens;
    this.#prefixHits += sequence.numComputedTokens;
  }
}

/** Keeps the queue in the order in which sequences precede each other. */
function insert(queue: Sequence[], sequence: Sequence): void {
  const index = queue.findLastIndex((other) => other.precedes(sequence));
  queue.splice(index + 1, 0, sequence);
}
