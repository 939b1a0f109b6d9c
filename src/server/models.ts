import type { Engine, Pooling } from '../engine/types.js';
import { ApiError } from '../errors.js';
import type { ChatTemplate } from '../text/chat-template.js';
import type { OutputFormat } from '../text/output/formats.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { Admission } from './admission.js';
import { addLoraInfo } from './lora-metrics.js';
import { Metrics } from './metrics.js';

/** What loading a model gives. */
export interface ModelParts {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  /** null where the model has none: chat is refused then. */
  readonly template: ChatTemplate | null;
  /** How a chat's answer is told apart. */
  readonly output: OutputFormat;
  /** How embeddings are made; absent, of the mean. */
  readonly pooling?: Pooling;
}

/** A model that can be served, loaded or not. */
export interface ModelEntry {
  /** Names that requests may use; the first is the one that metrics carry. */
  readonly names: readonly [string, ...string[]];
  /** Adapters of it, in the order of their numbers; their names are models too. Absent, none. */
  readonly adapters?: readonly { readonly name: string; readonly root: string }[];
  /** Where it comes from, a directory or a hub name: `root` of the model in the API. */
  readonly root: string;
  /** Bytes on the device that it needs at least; 0 where nothing is known. */
  readonly neededBytes: number;
  /** @param freeBytes what it may take of the device; null where nothing limits it */
  readonly load: (freeBytes: number | null) => Promise<ModelParts>;
}

/** A model that answers requests. */
export interface ServedModel extends ModelParts {
  readonly admission: Admission;
  readonly metrics: Metrics;
  /** Number of the adapter that a request chose by its name; absent, none. */
  readonly adapter?: number;
}

/** A model held for a request: it is not unloaded before its release. */
export interface Lease {
  /** The name to answer under. */
  readonly name: string;
  readonly model: ServedModel;
  /** Further calls do nothing. */
  readonly release: () => void;
}

export interface RegistryOptions {
  /** Sequences of a model that may wait beside those its engine runs at once. */
  readonly maxQueued: number;
  /** Bytes on the device for all loaded models together; null sets no limit. */
  readonly memoryLimitBytes: number | null;
  /** Models that are loaded at once at most. */
  readonly maxLoaded: number;
}

export interface ModelListing {
  readonly id: string;
  readonly root: string;
  /** The model that an adapter is of; null for a model. */
  readonly parent: string | null;
  /** null before the model was loaded for the first time. */
  readonly maxModelLen: number | null;
}

interface Slot {
  readonly source: ModelEntry;
  model: ServedModel | null;
  loading: Promise<ServedModel> | null;
  metrics: Metrics | null;
  maxModelLen: number | null;
  numLeases: number;
  /** Counts up with every lease of any model. */
  lastUsed: number;
}

const RETRY_AFTER_SECONDS = 5;

/**
 * The models of a server. One that is asked for is loaded; where room is needed, the one that was not used for longest is unloaded, but
 * none that answers a request.
 */
export class ModelRegistry {
  /** Resolves with the reason when an engine can no longer answer. */
  readonly failed: Promise<Error>;
  readonly #slots: readonly Slot[];
  /** One is loaded at a time: what it takes is known only afterwards. */
  #turn: Promise<unknown> = Promise.resolve();
  #numLeases = 0;
  #fail: (error: Error) => void = () => undefined;

  /** @param sources at least one; the first answers requests that name none */
  constructor(
    sources: readonly ModelEntry[],
    readonly options: RegistryOptions,
  ) {
    this.#slots = sources.map((source) => ({
      source,
      model: null,
      loading: null,
      metrics: null,
      maxModelLen: null,
      numLeases: 0,
      lastUsed: 0,
    }));
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  list(): readonly ModelListing[] {
    return this.#slots.flatMap(({ source, maxModelLen }) =>
      listed(source).map((one) => ({ ...one, maxModelLen })),
    );
  }

  /** Metrics of every model that was ever loaded. */
  metrics(): readonly Metrics[] {
    return this.#slots.flatMap(({ metrics }) => metrics ?? []);
  }

  loaded(): readonly ServedModel[] {
    return this.#slots.flatMap(({ model }) => model ?? []);
  }

  /** @param name null or absent is the first model. @throws ApiError `model_not_found` */
  nameOf(name: string | null | undefined): string {
    return this.#find(name).name;
  }

  /** Holds a model, loaded if need be. @throws ApiError `model_not_found`, or what the loading throws */
  async lease(name: string | null | undefined): Promise<Lease> {
    const { slot, name: known, adapter } = this.#find(name);
    slot.numLeases += 1;
    slot.lastUsed = ++this.#numLeases;
    let held = true;
    const release = () => {
      if (held) slot.numLeases -= 1;
      held = false;
    };
    try {
      const model = await this.#loadedModel(slot);
      return { name: known, model: adapter === 0 ? model : { ...model, adapter }, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    for (const slot of this.#slots) slot.metrics?.close();
    await Promise.all(this.#slots.map(({ model }) => model?.engine.close()));
  }

  /** @returns 0 as the adapter where the name is a model's own */
  #find(name: string | null | undefined): { slot: Slot; name: string; adapter: number } {
    const [first] = this.#slots;
    if (first === undefined) throw new Error('a server needs a model');
    if (name === null || name === undefined) return { slot: first, name: first.source.names[0], adapter: 0 };
    for (const slot of this.#slots) {
      const adapter = 1 + (slot.source.adapters ?? []).findIndex((one) => one.name === name);
      if (adapter > 0 || slot.source.names.includes(name)) return { slot, name, adapter };
    }
    const known = this.list().map(({ id }) => id);
    const message = `There is no model of that name here; there is: ${known.join(', ')}.`;
    throw new ApiError('model_not_found', message, 'model');
  }

  async #loadedModel(slot: Slot): Promise<ServedModel> {
    if (slot.model !== null) return slot.model;
    slot.loading ??= this.#inTurn(() => this.#load(slot)).finally(() => {
      slot.loading = null;
    });
    return slot.loading;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result;
    return result;
  }

  async #load(slot: Slot): Promise<ServedModel> {
    await this.#makeRoom(slot);
    const parts = await slot.source.load(this.#freeBytes());
    const { engine } = parts;
    void engine.failed.then(this.#fail);
    slot.metrics ??= createMetrics(slot, engine.info.maxModelLen);
    slot.metrics.attach(engine);
    slot.maxModelLen = engine.info.maxModelLen;
    const admission = new Admission({
      maxRunning: engine.info.maxNumSeqs,
      maxQueued: this.options.maxQueued,
    });
    slot.model = { ...parts, admission, metrics: slot.metrics };
    return slot.model;
  }

  #freeBytes(): number | null {
    const limit = this.options.memoryLimitBytes;
    if (limit === null) return null;
    const taken = this.loaded().map(({ engine }) => totalBytes(engine));
    return limit - taken.reduce((sum, bytes) => sum + bytes, 0);
  }

  async #makeRoom({ source }: Slot): Promise<void> {
    const isFull = () =>
      this.loaded().length >= this.options.maxLoaded || (this.#freeBytes() ?? Infinity) < source.neededBytes;
    while (this.loaded().length > 0 && isFull()) {
      const oldest = this.#longestUnused();
      if (oldest === null) throw noRoom(source.names[0]);
      await unload(oldest);
    }
  }

  #longestUnused(): Slot | null {
    const idle = this.#slots.filter(({ model, numLeases }) => model !== null && numLeases === 0);
    return idle.reduce<Slot | null>(
      (oldest, slot) => (oldest === null || slot.lastUsed < oldest.lastUsed ? slot : oldest),
      null,
    );
  }
}

function listed({ names, root, adapters = [] }: ModelEntry): Omit<ModelListing, 'maxModelLen'>[] {
  const own = names.map((id) => ({ id, root, parent: null }));
  return [...own, ...adapters.map((one) => ({ id: one.name, root: one.root, parent: names[0] }))];
}

function createMetrics(slot: Slot, maxModelLen: number): Metrics {
  const { names, adapters = [] } = slot.source;
  const metrics = new Metrics(names[0], maxModelLen);
  const known = adapters.map(({ name }) => name);
  if (known.length > 0) addLoraInfo(metrics.registry, known, () => slot.model?.engine.stats() ?? null);
  return metrics;
}

async function unload(slot: Slot): Promise<void> {
  const { model } = slot;
  slot.model = null;
  slot.metrics?.detach();
  await model?.engine.close();
}

function totalBytes({ info }: Engine): number {
  return Object.values(info.memory).reduce((sum, bytes) => sum + bytes, 0);
}

function noRoom(name: string): ApiError {
  const message = `There is no room to load ${name} while other models answer; try again later.`;
  return new ApiError('model_unavailable', message, 'model', RETRY_AFTER_SECONDS);
}
