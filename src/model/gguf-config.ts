import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { Fields } from '../checkpoint/fields.js';
import { openGguf } from '../checkpoint/gguf/checkpoint.js';
import type { GgufHeader } from '../checkpoint/gguf/header.js';
import { readGgufModel } from '../checkpoint/gguf/parts.js';
import { CheckpointError } from '../errors.js';
import { endTokens } from '../text/gguf-tokens.js';
import type { Architecture, LinearModule } from './architectures.js';
import type { ModelConfig } from './config.js';
import { type GgufFamily, ggufFamily } from './gguf-family.js';
import { checkKeys, type GgufNames } from './gguf-keys.js';
import { plainNumber } from './gguf-number.js';
import { ROPE_TENSORS, type RopeDivisors, ropeKeys } from './gguf-rope.js';
import { inLayerName } from './names.js';

const SIZE = { min: 1, max: 2 ** 24 };

export interface GgufConfig {
  /** The metadata, completed by what the tensors tell, to be read as the family reads its config.json. */
  readonly fields: Fields;
  readonly family: Architecture;
  readonly tensors: Checkpoint['tensors'];
}

/** What config.json would say of the model in a GGUF file, and the tensors that are there. Rejects with CheckpointError naming the key or tensor. */
export async function readGgufConfig(
  file: string,
  architectures: readonly Architecture[],
): Promise<GgufConfig> {
  const header = readGgufModel(file);
  const family = ggufFamily(header.metadata, architectures);
  const checkpoint = await openGguf(file, header);
  try {
    const { tensors } = checkpoint;
    const record = configRecord(header, tensors, family, await readDivisors(checkpoint));
    return { fields: Fields.from(record, file), family: family.architecture, tensors };
  } finally {
    await checkpoint.close();
  }
}

async function readDivisors({ tensors, readF32 }: Checkpoint): Promise<RopeDivisors> {
  const read = async (name: string) => (tensors.has(name) ? readF32(name) : null);
  const { all, short, long } = ROPE_TENSORS;
  return { all: await read(all), short: await read(short), long: await read(long) };
}

/** A tensor that the forward pass leaves out would change the result in silence. Throws CheckpointError. */
export function refuseUnusedTensors(tensors: Checkpoint['tensors'], config: ModelConfig): void {
  const used = new Set<string>(Object.values(ROPE_TENSORS));
  for (const name of namesWithin(config.weights)) {
    const names = config.norm === 'layer' && /norm\.weight$/.test(name) ? [name, biasOf(name)] : [name];
    for (let layer = 0; layer < config.numLayers; layer++)
      for (const each of names) used.add(inLayerName(each, layer));
  }
  for (const { name, file } of tensors.values()) {
    if (used.has(name)) continue;
    throw new CheckpointError(
      file,
      name,
      `not understood for ${config.architecture}, and it may change the result`,
    );
  }
}

/** Every name of a tensor in an object of names. */
function namesWithin(names: object): string[] {
  return Object.values(names).flatMap((value: unknown) => {
    if (typeof value === 'object' && value !== null) return namesWithin(value);
    return typeof value === 'string' && value.includes('.') ? [value] : [];
  });
}

function biasOf(weight: string): string {
  return weight.replace(/weight$/, 'bias');
}

/**
 * The keys below the architecture's prefix, under their own names but for what is computed from several, and what config.json would say
 * besides them.
 */
export function configRecord(
  { metadata, file }: GgufHeader,
  tensors: Checkpoint['tensors'],
  gguf: GgufFamily,
  divisors: RopeDivisors,
): object {
  checkKeys(metadata);
  const { architecture: family, prefix, names } = gguf;
  const numHeads = metadata.integer(names.num_attention_heads, SIZE);
  const hiddenSize = metadata.integer(names.hidden_size, SIZE);
  const headDim = metadata.integer(names.head_dim, SIZE, Math.max(1, Math.floor(hiddenSize / numHeads)));
  refuseOther(metadata, `${prefix}.attention.value_length`, headDim, 'as for keys');
  const embedding = tensors.get('token_embd.weight');
  if (embedding === undefined) throw Fields.from({}, file).error('token_embd.weight', 'no such tensor');
  return {
    ...ownKeys(metadata, gguf),
    ...windowKeys(metadata, names),
    ...ropeKeys(metadata, names, headDim, divisors, family.gguf?.scaling),
    ...biases(family, tensors),
    ...scoreScale(metadata, gguf, headDim, hiddenSize / numHeads),
    ...expertValues(metadata, gguf),
    ...family.gguf?.values,
    architectures: family.architectures.slice(0, 1),
    vocab_size: embedding.shape[0],
    tie_word_embeddings: !tensors.has('output.weight'),
    [names.bos_token_id]: metadata.raw(names.bos_token_id),
    [names.eos_token_id]: endTokens(metadata),
  };
}

/** Keys that are read here, or where embeddings are pooled; `vocab_size` is the embedding's own. */
const CONSUMED =
  /^(?:vocab_size|pooling_type|expert_feed_forward_length|attention\.value_length|rope\.dimension_count|rope\.scaling\..*)$/;

function ownKeys(metadata: Fields, { prefix, names }: GgufFamily): object {
  const isOwn = (key: string) =>
    key.startsWith(`${prefix}.`) &&
    !CONSUMED.test(key.slice(prefix.length + 1)) &&
    key !== names.sliding_window_pattern;
  const keys = metadata.keys().filter(isOwn);
  return Object.fromEntries(keys.map((key) => [key, plainNumber(metadata.raw(key))]));
}

/** By whose root scores are divided: the heads' size, but for one size of model, the share of a head in the hidden size. */
function scoreScale(
  metadata: Fields,
  { architecture: { keys, gguf }, names }: GgufFamily,
  headDim: number,
  share: number,
): object {
  if (!keys.has('query_pre_attn_scalar')) return {};
  const isWide = metadata.raw(names.num_hidden_layers) === gguf?.wideScaleLayers;
  return { query_pre_attn_scalar: isWide ? share : headDim };
}

/** Experts of some families have a size of their own, of others the MLP's. */
function expertValues(metadata: Fields, { architecture, prefix, names }: GgufFamily): object {
  if (architecture.experts === null) return {};
  const { moe_intermediate_size: size } = names;
  if (size !== undefined) return { [size]: metadata.raw(size) };
  const ofMlp = metadata.integer(names.intermediate_size, SIZE);
  refuseOther(metadata, `${prefix}.expert_feed_forward_length`, ofMlp, 'as for the MLP');
  return {};
}

/** A window of 0 is none; a pattern is a period, or a list that says of each layer whether it slides. */
function windowKeys(
  metadata: Fields,
  { sliding_window: window, sliding_window_pattern: pattern }: GgufNames,
): object {
  const isNone = window !== undefined && metadata.raw(window) === 0;
  const flags = pattern === undefined ? null : metadata.raw(pattern);
  return {
    ...(isNone ? { [window]: null } : {}),
    ...(pattern === undefined || flags === null ? {} : patternKeys(pattern, flags)),
  };
}

function patternKeys(key: string, pattern: unknown): object {
  if (!Array.isArray(pattern)) return { [key]: pattern };
  const types = pattern.map((slides: unknown) =>
    slides === true || slides === 1 ? 'sliding_attention' : 'full_attention',
  );
  return { layer_types: types };
}

/** Families that say in config.json whether they have biases have them where the first layer has one. */
function biases({ biases, modules }: Architecture, tensors: Checkpoint['tensors']): object {
  const flags = Object.entries(biases) as [LinearModule, boolean | string][];
  const record: Record<string, boolean> = {};
  for (const [module, flag] of flags) {
    const path = modules[module];
    if (typeof flag !== 'string' || path === null) continue;
    record[flag] ||= tensors.has(`${inLayerName(path, 0)}.bias`);
  }
  return record;
}

function refuseOther(metadata: Fields, key: string, expected: number, reason: string): void {
  const value = metadata.integer(key, SIZE, expected);
  if (value !== expected) throw metadata.error(key, `${value} is not supported, only ${expected}, ${reason}`);
}
