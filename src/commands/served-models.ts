import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { OPTIONS, parseLine, type Values } from '../config.js';
import { openModelDirectory } from '../engine/device-model.js';
import { leastBytes } from '../engine/fit.js';
import { chooseKvType } from '../engine/memory-plan.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { findModel, modelName } from './model-options.js';
import { SERVE_OPTIONS, SERVED_MODEL_OPTIONS } from './options.js';

export type ServeValues = Values<(typeof SERVE_OPTIONS)[number]>;

/** One of the models that `serve` was told of. */
export interface ServedSource {
  readonly dir: string;
  readonly names: readonly [string, ...string[]];
  readonly adapters: readonly NamedAdapter[];
  /** The command line, with what the model's entry in `--model-config` says in its place. */
  readonly values: ServeValues;
}

/** A folder, and its name in the API. */
export interface NamedAdapter {
  readonly name: string;
  readonly root: string;
}

interface ConfiguredModel {
  readonly model: string;
  readonly names: readonly string[];
  /** As on the command line, after which they go. */
  readonly args: readonly string[];
  /** Switches of the command line that the model does not take, as they are written there. */
  readonly off: readonly string[];
}

/**
 * The models to serve, fetched where they are repositories. Several names for one MODEL are all its own; for several there is one each.
 * Throws UserError that names the option or the entry.
 */
export async function servedSources(args: readonly string[]): Promise<readonly ServedSource[]> {
  const { values, positionals } = parseLine(args, SERVE_OPTIONS);
  const file = values['model-config'];
  if (file !== null && positionals.length > 0) {
    throw new UserError('--model-config: lists the models; give no MODEL beside it');
  }
  const listed = file === null ? listModels(positionals, values) : readModelConfig(file);
  const sources: ServedSource[] = [];
  for (const { model, names, args: own, off } of listed) {
    const shared = args.filter((word) => !off.includes(word));
    const merged = parseLine([...shared, ...own], SERVE_OPTIONS).values;
    const dir = await findModel(model === '' ? [] : [model], merged);
    const [first = modelName(dir), ...others] = names;
    const adapters = readAdapters(merged.lora);
    sources.push({ dir, names: [first, ...others], adapters, values: merged });
  }
  if (listed.length > 1 && values.lora.length > 0) {
    throw new UserError('--lora: of which model? With several, write it into the entry of --model-config');
  }
  checkNames(sources.flatMap(({ names, adapters }) => [...names, ...adapters.map(({ name }) => name)]));
  return sources;
}

function readAdapters(given: readonly string[]): readonly NamedAdapter[] {
  return given.map((one) => {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(one) ?? [];
    if (name === undefined || path === undefined) throw new UserError(`--lora: ${one}: must be NAME=PATH`);
    return { name, root: resolve(path) };
  });
}

/** `''` is the bundled model. */
function listModels(positionals: readonly string[], values: ServeValues): readonly ConfiguredModel[] {
  const names = values['served-model-name'];
  if (positionals.length <= 1) return [{ model: positionals[0] ?? '', names, args: [], off: [] }];
  if (names.length > 0 && names.length !== positionals.length) {
    throw new UserError(
      `--served-model-name: ${names.length} for ${positionals.length} models; give one each, in their order`,
    );
  }
  return positionals.map((model, i) => ({ model, names: names.slice(i, i + 1), args: [], off: [] }));
}

function readModelConfig(file: string): readonly ConfiguredModel[] {
  const models = readJson(file);
  if (!Array.isArray(models) || models.length === 0) {
    throw new UserError(`--model-config: ${file}: needs {"models": [...]} with at least one entry`);
  }
  return models.map((entry: unknown, i) => readEntry(entry, `--model-config: ${file}: models[${i}]`));
}

function readJson(file: string): unknown {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof parsed === 'object' && parsed !== null && 'models' in parsed ? parsed.models : null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`--model-config: ${file}: ${reason.split('\n')[0]}`);
  }
}

function readEntry(entry: unknown, where: string): ConfiguredModel {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new UserError(`${where}: must be an object`);
  }
  const { model, name, names, ...options }: Record<string, unknown> = { ...entry };
  if (typeof model !== 'string' || model === '')
    throw new UserError(`${where}.model: must be a path or a name`);
  const given = names ?? (name === undefined ? [] : [name]);
  if (!Array.isArray(given) || !given.every((one) => typeof one === 'string' && one !== '')) {
    throw new UserError(`${where}.names: must be a list of names`);
  }
  const args = Object.entries(options).flatMap(([key, value]) => optionArgs(key, value, where));
  const off = Object.keys(options).flatMap((key) => (options[key] === false ? [`--${key}`] : []));
  return { model, names: given, args, off };
}

/** An option by its name on the command line without the dashes; true stands for a switch. */
function optionArgs(key: string, value: unknown, where: string): readonly string[] {
  const option = SERVED_MODEL_OPTIONS.find((name) => name === key);
  if (option === undefined || option === 'gpu-memory-limit')
    throw new UserError(`${where}.${key}: no such option of a model; see --help`);
  if (value === null) return [];
  if (typeof value === 'boolean') {
    if (OPTIONS[option].placeholder !== null)
      throw new UserError(`${where}.${key}: takes a value, not ${value}`);
    return value ? [`--${key}`] : [];
  }
  if (typeof value === 'string' || typeof value === 'number') return [`--${key}=${value}`];
  if (key === 'lora' && Array.isArray(value)) return value.map((one) => `--${key}=${String(one)}`);
  throw new UserError(`${where}.${key}: must be a string, a number, true or false`);
}

function checkNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new UserError(`--served-model-name: ${twice} is the name of two models; give each its own`);
}

/** Bytes that the model takes on a device at least, read from its files' headers. */
export async function neededBytes(options: EngineOptions): Promise<number> {
  const { config, checkpoint } = await openModelDirectory(options);
  try {
    const computeType = options.computeType === 'float16' ? 'f16' : 'f32';
    const kvType = chooseKvType(options.kvCacheDtype, computeType);
    return leastBytes(checkpoint, config, options, { computeType, kvType });
  } finally {
    await checkpoint.close();
  }
}
