import type { BlockManager, CachedPrefix } from './block-manager.js';
import { extendBlockNames } from './block-names.js';
import {
  type Admission,
  planStep,
  type ScheduledSequence,
  type SchedulerLimits,
  type SchedulerState,
} from './plan.js';
import type { Sequence } from './sequence.js';
import type { EngineStats } from './types.js';

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

  /** Adapters of running and waiting sequences; nothing where none has one. */
  get adapters(): Pick<EngineStats, 'adapters'> {
    const [running, waiting] = [this.#running, this.#waiting].map(adaptersOf);
    return running.length + waiting.length === 0 ? {} : { adapters: { running, waiting } };
  }

  get running(): readonly Sequence[] {
    return this.#running;
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
    this.#makeWait(this.#running.filter(({ isPaused }) => isPaused));
    const plan = planStep(this.#state(maxPrefillTokens), this.limits);
    this.#makeWait(plan.preempted);
    this.#numPreemptions += plan.preempted.length;
    this.#admit(plan.admitted);
    for (const { sequence, numTokens } of plan.scheduled) {
      this.blocks.allocate(sequence, sequence.numComputedTokens + numTokens);
    }
    return plan.scheduled;
  }

  /** Call when the step was sent to the device: its tokens count as computed, for whatever is sent later comes behind them. */
  advance({ sequence, numTokens }: ScheduledSequence): void {
    sequence.numComputedTokens += numTokens;
    const numScored = Math.min(sequence.numComputedTokens, sequence.numToScore);
    sequence.numScoredTokens = Math.max(sequence.numScoredTokens, numScored);
    this.remember(sequence);
  }

  /**
   * Call when the sequence's computed tokens have grown, or been learnt, so that others can share its full blocks. A block may be computed by a step
   * that was sent and has not run: whoever reads it comes behind that step.
   */
  remember(sequence: Sequence): void {
    const { numComputedTokens, tokenIds, numNamedBlocks } = sequence;
    const numFull = Math.floor(Math.min(numComputedTokens, tokenIds.length) / this.blocks.blockSize);
    if (numFull <= numNamedBlocks || !this.limits.prefixCaching) return;
    this.blocks.remember(sequence, this.#names(sequence).slice(0, numFull), numNamedBlocks);
    sequence.numNamedBlocks = numFull;
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

  /** One token at least is left to compute: it gives what the sequence waits for. */
  #findPrefix(sequence: Sequence): CachedPrefix {
    const numUsable = Math.floor(sequence.numSkippableTokens / this.blocks.blockSize);
    return this.blocks.findPrefix(this.#names(sequence).slice(0, numUsable));
  }

  /** Names of the full blocks of the sequence's text; none where prefixes are not shared. */
  #names({ blockNames, tokenIds, salt }: Sequence): readonly string[] {
    if (!this.limits.prefixCaching) return [];
    extendBlockNames(blockNames, tokenIds, { blockSize: this.blocks.blockSize, salt });
    return blockNames;
  }

  /** Back to the queue, where they come before all that arrived later; their tokens are computed again. */
  #makeWait(sequences: readonly Sequence[]): void {
    if (sequences.length === 0) return;
    for (const sequence of sequences) {
      this.blocks.free(sequence);
      sequence.restart();
      sequence.status = 'waiting';
    }
    this.#running = this.#running.filter(({ status }) => status === 'running');
    for (const sequence of sequences) insert(this.#waiting, sequence);
  }

  /** Prefixes are taken before any block is given out, which could evict them. */
  #admit(admitted: readonly Admission[]): void {
    if (admitted.length === 0) return;
    const starting = new Set(admitted.map(({ sequence }) => sequence));
    this.#waiting = this.#waiting.filter((sequence) => !starting.has(sequence));
    for (const { sequence, prefix } of admitted) {
      if (sequence.numPendingTokens > 0)
        throw new Error(`sequence ${sequence.id} is admitted before its tokens are known`);
      this.blocks.acquire(sequence, prefix);
      sequence.numNamedBlocks = prefix.blocks.length;
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

function adaptersOf(queue: readonly Sequence[]): readonly number[] {
  return [...new Set(queue.map(({ adapter }) => adapter).filter((adapter) => adapter > 0))];
}

/** Keeps the queue in the order in which sequences precede each other. */
function insert(queue: Sequence[], sequence: Sequence): void {
  const index = queue.findLastIndex((other) => other.precedes(sequence));
  queue.splice(index + 1, 0, sequence);
}
