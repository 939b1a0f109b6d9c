import { join } from 'node:path';
import { describe, Fields } from '../checkpoint/fields.js';
import { isGguf } from '../checkpoint/gguf/header.js';
import { JSON_LIMITS, readJson, readJsonIfAny } from '../checkpoint/json.js';
import type { Activation } from '../ops/ops.js';
import { type Architecture, type LinearModule, loadArchitectures } from './architectures.js';
import type { LinearNames, ModelConfig, WeightNames } from './config.js';
import { refuseUnknownKeys } from './config-keys.js';
import { expertKeys, expertNames, parseExperts } from './experts-config.js';
import { parseFactors } from './factors.js';
import { readGgufConfig, refuseUnusedTensors } from './gguf-config.js';
import { parseRopes } from './layer-ropes.js';
import { parseSlidingWindows, slidingWindowKeys } from './sliding-window.js';

const CONFIG_LIMITS = { ...JSON_LIMITS, maxBytes: 10 * 1024 * 1024 };
/** Far above any model, and small enough that no product of two is inexact. */
const SIZE = { min: 1, max: 2 ** 24 };

/**
 * Reads `config.json` and `generation_config.json` (which may be absent) of a model directory, or the metadata of a GGUF file.
 * Throws CheckpointError that names file and key for what is missing, wrong, or not understood.
 */
export async function parseModelConfig(
  dir: string,
  architectures?: readonly Architecture[],
): Promise<ModelConfig> {
  const known = architectures ?? (await loadArchitectures());
  if (isGguf(dir)) {
    const { fields, family, tensors } = await readGgufConfig(dir, known);
    const config = buildModelConfig(fields, Fields.from({}, dir), [family]);
    refuseUnusedTensors(tensors, config);
    return config;
  }
  const configFile = join(dir, 'config.json');
  const config = await readJson(configFile, CONFIG_LIMITS);
  const generationFile = join(dir, 'generation_config.json');
  const generation = (await readJsonIfAny(generationFile, CONFIG_LIMITS)) ?? {};
  return buildModelConfig(Fields.from(config, configFile), Fields.from(generation, generationFile), known);
}

/** As `parseModelConfig`, from the parsed files. */
export function buildModelConfig(
  file: Fields,
  generation: Fields,
  architectures: readonly Architecture[],
): ModelConfig {
  const architecture = findArchitecture(file, architectures);
  refuseUnknownKeys(file, familyKeys(architecture));
  const config = file.withDefaults(defaultsFor(file, architecture)).withNames(architecture.names);
  const vocabSize = config.integer('vocab_size', SIZE);
  const numLayers = config.integer('num_hidden_layers', { min: 1, max: 10_000 });
  const heads = parseHeads(config);
  const slidingWindows = parseSlidingWindows(config, architecture.slidingWindow, numLayers);
  const sizes = { ...heads, hiddenSize: config.integer('hidden_size', SIZE) };
  return {
    architecture: architecture.name,
    vocabSize,
    ...sizes,
    intermediateSize: config.integer('intermediate_size', SIZE, innerSize(architecture, sizes.hiddenSize)),
    numLayers,
    maxPositionEmbeddings: config.integer('max_position_embeddings', { min: 1, max: 2 ** 30 }),
    normEps: config.number('rms_norm_eps', { min: Number.MIN_VALUE, max: 1 }),
    norm: architecture.norm,
    normOffset: architecture.normOffset,
    activation: architecture.activation ?? parseActivation(config),
    experts: parseExperts(config, architecture, numLayers),
    parallelResidual:
      architecture.keys.has('use_parallel_residual') && config.boolean('use_parallel_residual', true),
    ropes: parseRopes(config, architecture, heads.headDim, slidingWindows),
    slidingWindows,
    qkNorm: architecture.modules.qNorm === null ? 'none' : architecture.qkNorm,
    ...parseFactors(config, architecture, sizes),
    tieWordEmbeddings: config.boolean('tie_word_embeddings', false),
    ...parseSpecialTokens(config, generation, vocabSize),
    weights: weightNames(config, architecture),
    optionalPrefix: architecture.optionalPrefix,
  };
}

function findArchitecture(config: Fields, architectures: readonly Architecture[]): Architecture {
  const names = config.strings('architectures');
  const found = architectures.find((candidate) => candidate.architectures.includes(names[0]));
  if (found !== undefined && names.length === 1) return found;
  const known = architectures.flatMap((candidate) => candidate.architectures).join(', ');
  throw config.error(
    'architectures',
    `${names.slice(0, 4).join(', ').slice(0, 200)} is not supported; known: ${known}`,
  );
}

function familyKeys(architecture: Architecture): ReadonlySet<string> {
  const { biases, slidingWindow, keys, ignoredKeys, names } = architecture;
  const biasKeys = Object.values(biases).filter((flag) => typeof flag === 'string');
  const named = [...keys].map((key) => names[key] ?? key);
  return new Set([
    ...biasKeys,
    ...slidingWindowKeys(slidingWindow),
    ...named,
    ...expertKeys(architecture),
    ...ignoredKeys,
    ...Object.values(names),
  ]);
}

/** The newer generation gives the rotation whole, so that the older one's default does not count beside it. */
function defaultsFor(file: Fields, { defaults }: Architecture): object {
  if (!file.has('rope_parameters')) return defaults;
  return Object.fromEntries(Object.entries(defaults).filter(([key]) => key !== 'rope_theta'));
}

function innerSize({ mlpRatio }: Architecture, hiddenSize: number): number | null {
  return mlpRatio === null ? null : mlpRatio * hiddenSize;
}

/** By their names in transformers. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['gelu', 'gelu'],
  ['gelu_new', 'gelu_tanh'],
  ['gelu_pytorch_tanh', 'gelu_tanh'],
]);

function parseActivation(config: Fields): Activation {
  const name = config.string('hidden_act', 'silu');
  const activation = ACTIVATIONS.get(name);
  if (activation !== undefined) return activation;
  const known = [...ACTIVATIONS.keys()].join(', ');
  throw config.error('hidden_act', `${describe(name)} is not supported; known: ${known}`);
}

function parseHeads(config: Fields): Pick<ModelConfig, 'numHeads' | 'numKvHeads' | 'headDim'> {
  const numHeads = config.integer('num_attention_heads', SIZE);
  const numKvHeads = config.integer('num_key_value_heads', SIZE, numHeads);
  if (numHeads % numKvHeads !== 0) {
    throw config.error(
      'num_key_value_heads',
      `${numKvHeads} does not divide num_attention_heads, ${numHeads}`,
    );
  }
  return { numHeads, numKvHeads, headDim: parseHeadDim(config, numHeads) };
}

function parseHeadDim(config: Fields, numHeads: number): number {
  const hiddenSize = config.integer('hidden_size', SIZE);
  if (!config.has('head_dim') && hiddenSize % numHeads !== 0) {
    throw config.error(
      'head_dim',
      `missing, and hidden_size ${hiddenSize} is no multiple of ${numHeads} heads`,
    );
  }
  const headDim = config.integer('head_dim', SIZE, hiddenSize / numHeads);
  if (headDim % 4 !== 0)
    throw config.error('head_dim', `${headDim} is no multiple of 4, in which heads are read`);
  return headDim;
}

/** End tokens of both files; the beginning token of config.json, else of generation_config.json. */
function parseSpecialTokens(config: Fields, generation: Fields, vocabSize: number) {
  const bos = [config, generation].find((fields) => fields.has('bos_token_id'));
  const id = { min: 0, max: vocabSize - 1 };
  return {
    bosTokenId: bos === undefined ? null : bos.integer('bos_token_id', id),
    eosTokenIds: [...new Set([...eosTokens(config, vocabSize), ...eosTokens(generation, vocabSize)])],
  };
}

/** A number, a list of numbers, or absent. */
function eosTokens(fields: Fields, vocabSize: number): number[] {
  const value = fields.raw('eos_token_id');
  if (value === null) return [];
  if (!Array.isArray(value)) return [fields.integer('eos_token_id', { min: 0, max: vocabSize - 1 })];
  return value.map((id: unknown) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
    throw fields.error('eos_token_id', `must hold token ids below ${vocabSize}, holds ${describe(id)}`);
  });
}

function weightNames(config: Fields, { modules, biases, layouts, experts }: Architecture): WeightNames {
  const weight = (path: string) => `${path}.weight`;
  const optional = (path: string | null) => (path === null ? null : weight(path));
  const linear = (module: LinearModule, path: string): LinearNames => {
    const flag = biases[module];
    const hasBias = typeof flag === 'string' ? config.boolean(flag, false) : flag;
    return { weight: weight(path), bias: hasBias ? `${path}.bias` : null, layout: layouts[module] };
  };
  return {
    embedding: weight(modules.embedding),
    finalNorm: weight(modules.finalNorm),
    lmHead: weight(modules.lmHead),
    positions: optional(modules.positions),
    attentionNorm: optional(modules.attentionNorm),
    mlpNorm: optional(modules.mlpNorm),
    attentionPostNorm: optional(modules.attentionPostNorm),
    mlpPostNorm: optional(modules.mlpPostNorm),
    q: linear('q', modules.q),
    k: linear('k', modules.k),
    v: linear('v', modules.v),
    o: linear('o', modules.o),
    qNorm: optional(modules.qNorm),
    kNorm: optional(modules.kNorm),
    gate: modules.gate === null ? null : linear('gate', modules.gate),
    up: linear('up', modules.up),
    down: linear('down', modules.down),
    sinks: modules.sinks,
    experts: expertNames(experts),
  };
}
