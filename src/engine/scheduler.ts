import { type BlockManager, blocksFor, missingBlocks } from './block-manager.js';
import type { Sequence } from './sequence.js';

export interface SchedulerLimits {
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
}

/** Compute the next `numTokens` tokens of the sequence in this step. */
export interface ScheduledSequence {
  readonly sequence: Sequence;
  readonly numTokens: number;
}

export interface SchedulerState {
  /** Oldest admission first. */
  readonly running: readonly Sequence[];
  /** Next to be admitted first. */
  readonly waiting: readonly Sequence[];
  readonly numFreeBlocks: number;
  readonly blockSize: number;
}

export interface Plan {
  readonly scheduled: readonly ScheduledSequence[];
  /** Running sequences that lose their blocks, newest first. */
  readonly preempted: readonly Sequence[];
  /** So many of the first waiting ones start to run. */
  readonly numAdmitted: number;
}

/**
 * Decides a step: running sequences first, in order of admission, then waiting ones with the tokens that are left.
 * Nobody is admitted in a step that preempts.
 */
export function planStep(state: SchedulerState, limits: SchedulerLimits): Plan {
  const { scheduled, preempted, budget } = planRunning(state, limits.maxNumBatchedTokens);
  const admitted = preempted.length > 0 ? [] : planWaiting(state, limits, budget);
  return { scheduled: [...scheduled, ...admitted], preempted, numAdmitted: admitted.length };
}

interface RunningPlan {
  readonly scheduled: readonly ScheduledSequence[];
  readonly preempted: readonly Sequence[];
  /** Tokens left. */
  readonly budget: number;
}

/** Victims come from the end of the queue and work starts at its front, so a victim was never scheduled in the same step. */
function planRunning(state: SchedulerState, maxTokens: number): RunningPlan {
  const kept = [...state.running];
  const preempted: Sequence[] = [];
  const scheduled: ScheduledSequence[] = [];
  let budget = maxTokens;
  let numFree = state.numFreeBlocks;
  for (let i = 0; i < kept.length && budget > 0; i++) {
    const sequence = kept[i];
    const numTokens = Math.min(sequence.numUncomputedTokens, budget);
    const numNew = missingBlocks(sequence, sequence.numComputedTokens + numTokens, state.blockSize);
    const victims = takeVictims(kept, i, numNew - numFree);
    for (const victim of victims) numFree += victim.blockTable.length;
    preempted.push(...victims);
    if (kept.length === i) break;
    scheduled.push({ sequence, numTokens });
    budget -= numTokens;
    numFree -= numNew;
  }
  return { scheduled, preempted, budget };
}

/** Removes sequences from the end of `queue`, not before index `first`, until they hold `numBlocks` blocks together. */
function takeVictims(queue: Sequence[], first: number, numBlocks: number): Sequence[] {
  const victims: Sequence[] = [];
  for (let missing = numBlocks; missing > 0 && queue.length > first; ) {
    const victim = queue[queue.length - 1];
    queue.length -= 1;
    victims.push(victim);
    missing -= victim.blockTable.length;
  }
  return victims;
}

/**
 * Admits in order of arrival, and only a sequence all of whose tokens find room beside what running ones still have to prefill:
 * one that is admitted by its first chunk alone would be preempted at a later chunk and start over.
 */
function planWaiting(state: SchedulerState, limits: SchedulerLimits, maxTokens: number): ScheduledSequence[] {
  const { running, waiting, blockSize } = state;
  const admitted: ScheduledSequence[] = [];
  let budget = maxTokens;
  let numFree = state.numFreeBlocks;
  for (const sequence of running) numFree -= missingBlocks(sequence, sequence.numTokens, blockSize);
  for (const sequence of waiting) {
    numFree -= blocksFor(sequence.numTokens, blockSize);
    if (budget === 0 || numFree < 0 || running.length + admitted.length === limits.maxNumSeqs) break;
    const numTokens = Math.min(sequence.numUncomputedTokens, budget);
    admitted.push({ sequence, numTokens });
    budget -= numTokens;
  }
  return admitted;
}

/** The two queues, and the blocks of those that run. */
export class Scheduler {
  #running: Sequence[] = [];
  #waiting: Sequence[] = [];
  #numPreemptions = 0;

  constructor(
    readonly blocks: BlockManager,
    readonly limits: SchedulerLimits,
  ) {}

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

  /** All unfinished sequences. */
  sequences(): Sequence[] {
    return [...this.#running, ...this.#waiting];
  }

  add(sequence: Sequence): void {
    this.#waiting.push(sequence);
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
  schedule(): readonly ScheduledSequence[] {
    const plan = planStep(this.#state(), this.limits);
    this.#preempt(plan.preempted);
    this.#admit(plan.numAdmitted);
    for (const { sequence, numTokens } of plan.scheduled) {
      this.blocks.allocate(sequence, sequence.numComputedTokens + numTokens);
    }
    return plan.scheduled;
  }

  #state(): SchedulerState {
    const { numFree, blockSize } = this.blocks;
    return { running: this.#running, waiting: this.#waiting, numFreeBlocks: numFree, blockSize };
  }

  /** Back to the front of the queue, the oldest foremost; their tokens are computed again. */
  #preempt(newestFirst: readonly Sequence[]): void {
    for (const sequence of newestFirst) {
      this.blocks.free(sequence);
      sequence.numComputedTokens = 0;
      sequence.status = 'waiting';
    }
    this.#running.length -= newestFirst.length;
    this.#waiting.unshift(...newestFirst.toReversed());
    this.#numPreemptions += newestFirst.length;
  }

  #admit(count: number): void {
    const admitted = this.#waiting.splice(0, count);
    for (const sequence of admitted) sequence.status = 'running';
    this.#running.push(...admitted);
  }
}
