import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import type {
  Embedding,
  EmbedRequest,
  Engine,
  EngineStats,
  GenerateRequest,
  TokenOutput,
} from '#halflight/engine/types.js';
import { FakeRunner, fakeModel } from './fake-runner.js';
import { Random } from './random.js';
import { post } from './requests.js';
import { testServer } from './server.js';

const SHAPE = { numBlocks: 96, blockSize: 16, maxModelLen: 128 };
const NUM_CLIENTS = 24;
const SHARE_DROPPED = 0.3;
/** Steps after an abort until its blocks are free. */
const MAX_STEPS_TO_FREE = 2;

export interface DisconnectSummary {
  readonly numRequests: number;
  readonly numDropped: number;
  readonly numAnswered: number;
  readonly numSteps: number;
}

/**
 * Sends requests with `n` of 1–4 to a real server on the fake model, from some clients at once, and drops 30% of them at random phases: before
 * the answer begins, after a while, or after some chunks. Throws where an aborted sequence outlives two steps, where an answer fails, or where
 * anything is left of them in the end.
 */
export async function runDisconnects(numRequests: number, seed: number): Promise<DisconnectSummary> {
  const watched = new WatchedEngine(
    createLocalEngine(fakeModel(SHAPE, new FakeRunner(SHAPE)), {
      ...ENGINE_DEFAULTS,
      maxNumBatchedTokens: 64,
    }),
  );
  const app = testServer({ engine: watched, apiKeys: [] });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const random = new Random(seed);
  const outcomes = { numDropped: 0, numAnswered: 0 };
  let numLeft = numRequests;
  const client = async (): Promise<void> => {
    while (numLeft-- > 0) outcomes[(await request(url, random)) ? 'numAnswered' : 'numDropped'] += 1;
  };
  try {
    await Promise.all(Array.from({ length: NUM_CLIENTS }, client));
    await watched.idle();
  } finally {
    // Connections that clients keep alive would hold the server open until they time out.
    app.server.closeAllConnections();
    await app.close();
    await watched.close();
  }
  return { numRequests, ...outcomes, numSteps: watched.numSteps };
}

/** Returns whether it was answered rather than dropped. */
async function request(url: string, random: Random): Promise<boolean> {
  const body = {
    prompt: Array.from({ length: 1 + random.below(60) }, () => 3 + random.below(50)),
    n: 1 + random.below(4),
    max_tokens: 1 + random.below(40),
    ignore_eos: true,
    stream: random.below(4) > 0,
  };
  if (random.below(1000) >= 1000 * SHARE_DROPPED) {
    const answer = await post(url, '/v1/completions', body);
    const text = await answer.text();
    if (answer.status !== 200 || text.includes('"error"')) throw new Error(`${answer.status}: ${text}`);
    return true;
  }
  await drop(url, { ...body, max_tokens: 60 }, random);
  return false;
}

async function drop(url: string, body: object, random: Random): Promise<void> {
  const controller = new AbortController();
  const numChunks = random.below(12);
  const timer = setTimeout(() => controller.abort(), random.below(15));
  try {
    const { body: stream } = await post(url, '/v1/completions', body, controller.signal);
    if (random.below(2) === 0) clearTimeout(timer);
    let numRead = 0;
    for await (const _ of stream ?? []) if (++numRead >= numChunks) break;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

/** Follows what is asked of an engine and compares it with what the engine says that it holds. */
class WatchedEngine implements Engine {
  numSteps = 0;
  #numLive = 0;
  /** Step counts at the newest aborts. */
  #aborts: number[] = [];
  #fault: Error | null = null;

  constructor(readonly engine: Engine) {
    engine.onStep((stats) => this.#check(stats));
  }

  get info(): Engine['info'] {
    return this.engine.info;
  }

  get failed(): Promise<Error> {
    return this.engine.failed;
  }

  async *generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<TokenOutput, void, void> {
    this.#numLive += 1;
    let finished = false;
    try {
      for await (const output of this.engine.generate(request, signal)) {
        finished = output.finishReason !== null;
        yield output;
      }
    } finally {
      this.#numLive -= 1;
      if (!finished) this.#aborts.push(this.numSteps);
    }
  }

  embed(request: EmbedRequest, signal?: AbortSignal): Promise<Embedding | null> {
    return this.engine.embed(request, signal);
  }

  stats(): EngineStats {
    return this.engine.stats();
  }

  onStep(listener: (stats: EngineStats) => void): void {
    this.engine.onStep(listener);
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  /** Resolves when nothing is left; throws the first fault, or where something is left after a second. */
  async idle(): Promise<void> {
    for (let waited = 0; waited < 1000; waited += 10) {
      if (this.#fault !== null) throw this.#fault;
      const { numRunning, numWaiting, kvUsage } = this.stats();
      if (numRunning + numWaiting === 0 && kvUsage === 0) return;
      await sleep(10);
    }
    throw new Error(`left behind: ${JSON.stringify(this.stats())}`);
  }

  /** Commands reach the engine a turn after they are given, and its steps say so a turn later. */
  #check({ numRunning, numWaiting }: EngineStats): void {
    this.numSteps += 1;
    this.#aborts = this.#aborts.filter((step) => this.numSteps - step <= MAX_STEPS_TO_FREE);
    const held = numRunning + numWaiting;
    if (held > this.#numLive + this.#aborts.length) {
      this.#fault ??= new Error(
        `${held} sequences are held and ${this.#numLive} wanted, in step ${this.numSteps}`,
      );
    }
  }
}
