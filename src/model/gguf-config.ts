import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { describe, Fields } from '../checkpoint/fields.js';
import { openGguf } from '../checkpoint/gguf/checkpoint.js';
import { type GgufHeader, readGgufHeader } from '../checkpoint/gguf/header.js';
import { CheckpointError } from '../errors.js';
import { endTokens } from '../text/gguf-tokens.js';
import type { LinearNames, ModelConfig } from './config.js';
import { checkKeys } from './gguf-keys.js';
import { ropeRecord } from './gguf-rope.js';
import { inLayerName } from './load.js';

/** Values of `general.architecture`, and the class that config.json names for them. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};
const SIZE = { min: 1, max: 2 ** 24 };
/** Divisors of the rotation's frequencies, which `ropeRecord` reads. */
const ROPE_FACTORS = 'rope_freqs.weight';

export interface GgufConfig {
  readonly fields: Fields;
  readonly tensors: Checkpoint['tensors'];
}

/** What config.json would say of the model in a GGUF file, and the tensors that are there. Rejects with CheckpointError naming the key or tensor. */
export async function readGgufConfig(file: string): Promise<GgufConfig> {
  const header = readGgufHeader(file);
  const checkpoint = await openGguf(file, header);
  try {
    const hasFactors = checkpoint.tensors.has(ROPE_FACTORS);
    const factors = hasFactors ? await checkpoint.readF32(ROPE_FACTORS) : null;
    return {
      fields: Fields.from(configRecord(header, checkpoint, factors), file),
      tensors: checkpoint.tensors,
    };
  } finally {
    await checkpoint.close();
  }
}

/** A tensor that the forward pass leaves out would change the result in silence. Throws CheckpointError. */
export function refuseUnusedTensors(tensors: Checkpoint['tensors'], config: ModelConfig): void {
  const names = Object.values(config.weights).flatMap((name: string | LinearNames | null) =>
    typeof name === 'object' ? [name?.weight, name?.bias] : [name],
  );
  const layers = Array.from({ length: config.numLayers }, (_, layer) => layer);
  const used = new Set(names.flatMap((name) => layers.map((layer) => inLayerName(name ?? '', layer))));
  for (const { name, file } of tensors.values()) {
    if (used.has(name) || name === ROPE_FACTORS) continue;
    throw new CheckpointError(
      file,
      name,
      `not understood for ${config.architecture}, and it may change the result`,
    );
  }
}

/** @param ropeFactors what each frequency of the rotation is divided by; null where the file has none */
export function configRecord(
  { metadata, file }: GgufHeader,
  { tensors }: Pick<Checkpoint, 'tensors'>,
  ropeFactors: Float32Array | null,
): object {
  const architecture = architectureOf(metadata);
  checkKeys(metadata, architecture);
  const key = (name: string) => `${architecture}.${name}`;
  const size = (name: string) => metadata.integer(key(name), SIZE);
  const hiddenSize = size('embedding_length');
  const numHeads = size('attention.head_count');
  const headDim = metadata.integer(key('attention.key_length'), SIZE, Math.floor(hiddenSize / numHeads));
  refuseOther(metadata, key('attention.value_length'), headDim);
  const embedding = tensors.get('model.embed_tokens.weight');
  if (embedding === undefined) throw Fields.from({}, file).error('token_embd.weight', 'no such tensor');
  return {
    architectures: [className(metadata, architecture)],
    vocab_size: embedding.shape[0],
    hidden_size: hiddenSize,
    intermediate_size: size('feed_forward_length'),
    num_hidden_layers: size('block_count'),
    num_attention_heads: numHeads,
    num_key_value_heads: metadata.integer(key('attention.head_count_kv'), SIZE, numHeads),
    head_dim: headDim,
    max_position_embeddings: metadata.integer(key('context_length'), { min: 1, max: 2 ** 30 }),
    rms_norm_eps: shortest(metadata.number(key('attention.layer_norm_rms_epsilon'), { min: 0, max: 1 })),
    tie_word_embeddings: !tensors.has('lm_head.weight'),
    ...biases(tensors),
    sliding_window: metadata.raw(key('attention.sliding_window')),
    ...ropeRecord(metadata, architecture, headDim, ropeFactors),
    bos_token_id: metadata.raw('tokenizer.ggml.bos_token_id'),
    eos_token_id: endTokens(metadata),
  };
}

function architectureOf(metadata: Fields): string {
  const name = metadata.string('general.architecture');
  if (Object.hasOwn(ARCHITECTURES, name)) return name;
  const known = Object.keys(ARCHITECTURES).join(', ');
  throw metadata.error('general.architecture', `${describe(name)} is not read from GGUF; known: ${known}`);
}

/** Converters write Mistral as llama; only the window tells it apart. */
function className(metadata: Fields, architecture: string): string {
  const hasWindow = metadata.has(`${architecture}.attention.sliding_window`);
  return architecture === 'llama' && hasWindow ? 'MistralForCausalLM' : ARCHITECTURES[architecture];
}

/** Llama and Qwen3 say in config.json whether they have biases; Qwen2 always has its three. */
function biases(tensors: Checkpoint['tensors']): object {
  const flag = (module: string) => tensors.has(`model.layers.0.${module}.bias`);
  return { attention_bias: flag('self_attn.o_proj'), mlp_bias: flag('mlp.down_proj') };
}

function refuseOther(metadata: Fields, key: string, expected: number): void {
  const value = metadata.integer(key, SIZE, expected);
  if (value !== expected)
    throw metadata.error(key, `${value} is not supported, only ${expected}, as for keys`);
}

/** The shortest decimal number that rounds to the same f32, which is what the file holds of 1e-5. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
