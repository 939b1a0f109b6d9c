import {
  checkLength,
  cutText,
  type ProtocolName,
  type WindowSize,
  windowSize,
} from '../calibrate/protocols.js';
import { type StoredRows, storeRows } from '../calibrate/stored-rows.js';
import { type LogitsSource, modelRows, type Window } from '../calibrate/windows.js';
import type { Values } from '../config.js';
import { createLogitsModel, type LogitsModel } from '../engine/logits.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { parseModelConfig } from '../model/config-parse.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { readTextFile } from './files.js';
import { type ProgressDisplay, whileLoading } from './progress.js';

/** A text as a model's tokenizer and a protocol see it. */
export interface CutText extends WindowSize {
  readonly protocol: ProtocolName;
  readonly tokenIds: readonly number[];
  readonly windows: readonly Window[];
}

/** The protocol that a command line asks for. */
export interface TextSettings extends WindowSize {
  readonly file: string;
  readonly text: string;
  readonly protocol: ProtocolName;
}

/** Throws UserError where the command line contradicts itself or the file cannot be read. */
export async function readText(
  file: string,
  values: Values<'protocol' | 'window' | 'stride'>,
): Promise<TextSettings> {
  const { protocol } = values;
  return { file, protocol, ...windowSize(protocol, values), text: await readTextFile('--text', file) };
}

/** Throws UserError where the text is too short for the protocol, or the model. */
export async function cutFor(dir: string, settings: TextSettings, maxModelLen: number): Promise<CutText> {
  const { file, text, protocol, window, stride } = settings;
  const size = { window, stride };
  const { tokenIds, windows } = cutText(protocol, loadTokenizer(dir), text, size);
  if (windows.length === 0) {
    const least = protocol === 'sliding' ? 'two' : `one window of ${window}; see --protocol and --window`;
    throw new UserError(`--text: ${file}: ${tokenIds.length} tokens, fewer than ${least}`);
  }
  checkLength(protocol, size, maxModelLen);
  return { protocol, ...size, tokenIds, windows };
}

/** Throws UserError where two models read a text as other tokens: what they predict is not the same then. @param name of the second, as the user gave it */
export function checkSameTokens(model: CutText, other: CutText, name: string): void {
  if (model.tokenIds.join() === other.tokenIds.join()) return;
  throw new UserError(`${name}: its tokenizer differs from that of MODEL, so what it predicts does too`);
}

/** Positions that a model takes, where an option does not take fewer. Throws CheckpointError. */
export async function positionsOf(dir: string, values: Values<'max-model-len'>): Promise<number> {
  const { maxPositionEmbeddings } = await parseModelConfig(dir);
  return Math.min(values['max-model-len'] ?? maxPositionEmbeddings, maxPositionEmbeddings);
}

/** The options of a model that reads windows alone: a KV cache for more would be memory lost, unless a length was asked for. */
export function forWindows(options: EngineOptions, windows: readonly Window[]): EngineOptions {
  const longest = windows.reduce((most, { tokenIds }) => Math.max(most, tokenIds.length), 0);
  return { ...options, maxModelLen: options.maxModelLen ?? longest };
}

/** Loads a model, gives `use` its logits, and frees it however that ends. */
export async function withModel<T>(
  options: EngineOptions,
  display: ProgressDisplay,
  use: (source: LogitsSource) => Promise<T>,
): Promise<T> {
  const model = await loadModel(options, display);
  try {
    return await use(modelRows(model));
  } finally {
    display.stop();
    model.destroy();
  }
}

/** What other models are compared with: a model on the device, or where another does not fit beside it, what it gave for the windows. */
export class Reference {
  readonly #windows: readonly Window[];
  readonly #display: ProgressDisplay;
  #model: LogitsModel | null;
  #stored: StoredRows | null = null;

  private constructor(model: LogitsModel, windows: readonly Window[], display: ProgressDisplay) {
    this.#model = model;
    this.#windows = windows;
    this.#display = display;
  }

  static async load(
    options: EngineOptions,
    windows: readonly Window[],
    display: ProgressDisplay,
  ): Promise<Reference> {
    return new Reference(await loadModel(options, display), windows, display);
  }

  get source(): LogitsSource {
    if (this.#stored !== null) return this.#stored;
    if (this.#model === null) throw new Error('the reference is closed');
    return modelRows(this.#model);
  }

  /** Loads another model and gives `use` its logits. Throws UserError where it fits the device neither beside this one nor alone, or has another vocabulary. */
  async with<T>(options: EngineOptions, use: (source: LogitsSource) => Promise<T>): Promise<T> {
    const model = await this.#loadBeside(options);
    try {
      checkVocabularies(model.vocabSize, this.source.vocabSize);
      return await use(modelRows(model));
    } finally {
      this.#display.stop();
      model.destroy();
    }
  }

  async #loadBeside(options: EngineOptions): Promise<LogitsModel> {
    try {
      return await loadModel(options, this.#display);
    } catch (error) {
      if (this.#model === null || !(error instanceof UserError)) throw error;
      await this.store();
      return loadModel(options, this.#display);
    }
  }

  /** Frees the device: what the model gives for the windows is kept in a file. */
  async store(): Promise<void> {
    const onWindow = windowProgress(this.#display);
    this.#stored = await storeRows(this.source, this.#windows, { onWindow });
    this.#model?.destroy();
    this.#model = null;
  }

  async close(): Promise<void> {
    this.#model?.destroy();
    this.#model = null;
    await this.#stored?.close();
    this.#stored = null;
  }
}

function checkVocabularies(model: number, reference: number): void {
  if (model === reference) return;
  throw new UserError(
    `MODEL gives logits of ${model} tokens, and the other model of ${reference}; compare models of one vocabulary`,
  );
}

export function windowProgress(display: ProgressDisplay): (done: number, total: number) => void {
  return (done, total) => display.update({ stage: 'windows', done, total });
}

function loadModel(options: EngineOptions, display: ProgressDisplay): Promise<LogitsModel> {
  return whileLoading(display, (onProgress) => createLogitsModel(options, onProgress));
}
