import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Checkpoint, openSafetensors, type RawTensor, widen } from '#halflight/checkpoint/checkpoint.js';
import type { GgufType } from '#halflight/checkpoint/gguf/types.js';
import { bool, f32, type GgufTensorData, type GgufValue, ggufBytes, string, u32 } from './gguf.js';
import { expertTensors, isOfExperts } from './gguf-experts.js';
import { type TinyModel, tinyDir } from './tiny.js';

type Config = Readonly<Record<string, number>> & {
  readonly rope_parameters?: Readonly<Record<string, number | { rope_theta: number }>>;
};

/** `general.architecture` of the models whose name it is not. */
const ARCHITECTURES: Partial<Readonly<Record<TinyModel, string>>> = {
  mistral: 'llama',
  mixtral: 'llama',
  gpt_neox: 'gptneox',
  qwen3_moe: 'qwen3moe',
  gpt_oss: 'gpt-oss',
};

/**
 * A tiny model as llama.cpp's converter writes it, matrices as they are and vectors in f32. One key is added: mistral's window, which the
 * converter forgets; and qwen3_moe is its first layer alone, for the second has no experts, which the format does not know. @param metadata more keys. `test/fixtures/gguf/converted.json` holds what the converter itself wrote.
 */
export async function tinyGguf(
  model: TinyModel,
  metadata: Readonly<Record<string, GgufValue>> = {},
): Promise<Uint8Array> {
  const { metadata: own, tensors } = await tinyContent(model);
  return ggufBytes({ ...own, ...metadata }, tensors);
}

/** Keys and tensors of that file. */
export async function tinyContent(model: TinyModel) {
  const text = readFileSync(join(tinyDir(model), 'config.json'), 'utf8');
  const own = model === 'qwen3_moe' ? text.replace(/("num_hidden_layers": )\d+/, '$11') : text;
  const config = JSON.parse(own) as Config;
  const checkpoint = await openSafetensors(join(tinyDir(model), 'model.safetensors'));
  const tensors = await tinyTensors(model, config, checkpoint);
  await checkpoint.close();
  return { metadata: tinyMetadata(model, config), tensors };
}

async function tinyTensors(
  model: TinyModel,
  config: Config,
  checkpoint: Checkpoint,
): Promise<readonly GgufTensorData[]> {
  const tensors: GgufTensorData[] = [];
  for (const name of checkpoint.tensors.keys()) {
    if (isOfExperts(name) || Number(/\.layers\.(\d+)/.exec(name)?.[1] ?? 0) >= numLayers(config)) continue;
    const tensor = converted(model, config, await checkpoint.read(name));
    const { dtype, shape } = tensor.info;
    const isF32 = shape.length === 1 || /wpe|router|(moe|mlp)\.gate\.weight/.test(name);
    const data = isF32 ? new Uint8Array(shifted(widen(tensor), model, name).buffer) : tensor.data;
    const type = isF32 ? 'F32' : (dtype as GgufType);
    tensors.push({ name: ggufName(model, name), type, dims: shape.toReversed(), data });
  }
  const experts = await expertTensors(checkpoint);
  tensors.push(...experts.filter(({ name }) => Number(name.split('.')[1]) < numLayers(config)));
  return model === 'llama' ? [...tensors, ropeFactors(config)] : tensors;
}

function numLayers({ num_hidden_layers: num, n_layer }: Config): number {
  return num ?? n_layer;
}

/** Gemma's norms are stored whole. */
function shifted(
  values: Float32Array<ArrayBuffer>,
  model: TinyModel,
  name: string,
): Float32Array<ArrayBuffer> {
  return model.startsWith('gemma') && name.includes('norm') ? values.map((value) => value + 1) : values;
}

/** Rows in the order of the format: pairs of a rotation side by side, GPT-2 by outputs, GPT-NeoX with q before k before v. */
function converted(model: TinyModel, config: Config, tensor: RawTensor): RawTensor {
  const { name, shape, bytes } = tensor.info;
  const rowBytes = bytes / shape[0];
  if (['llama', 'mistral', 'mixtral', 'granite', 'smollm3'].includes(model)) {
    const heads = numHeads(name, config);
    const order = (row: number) => pairedRow(row, shape[0] / (heads ?? 1));
    return heads === null ? tensor : { ...tensor, data: reordered(tensor.data, rowBytes, order) };
  }
  if (model === 'gpt_neox' && name.includes('query_key_value')) {
    const order = (row: number) => headwiseRow(row, config.hidden_size, config.num_attention_heads);
    return { ...tensor, data: reordered(tensor.data, rowBytes, order) };
  }
  return model === 'gpt2' && /c_\w+\.weight$/.test(name) ? transposed(tensor) : tensor;
}

/** @param from which row of the checkpoint becomes a row of the file */
function reordered(data: Uint8Array<ArrayBuffer>, rowBytes: number, from: (row: number) => number) {
  const out = new Uint8Array(data.length);
  for (let row = 0; row * rowBytes < data.length; row++)
    out.set(data.subarray(from(row) * rowBytes, (from(row) + 1) * rowBytes), row * rowBytes);
  return out;
}

/** Row `(head, i, half)` comes from `(head, half, i)`. */
function pairedRow(row: number, dim: number): number {
  const inHead = row % dim;
  return row - inHead + (inHead % 2) * (dim / 2) + Math.floor(inHead / 2);
}

/** Row `(part, head, i)` comes from `(head, part, i)`. */
function headwiseRow(row: number, hidden: number, heads: number): number {
  const dim = hidden / heads;
  const [part, head] = [Math.floor(row / hidden), Math.floor((row % hidden) / dim)];
  return (head * 3 + part) * dim + (row % dim);
}

function transposed({ info, data }: RawTensor): RawTensor {
  const [rows, cols] = info.shape;
  const [from, to] = [new Float32Array(data.buffer), new Float32Array(rows * cols)];
  for (let i = 0; i < to.length; i++) to[i] = from[(i % rows) * cols + Math.floor(i / rows)];
  return { info: { ...info, shape: [cols, rows] }, data: new Uint8Array(to.buffer) };
}

function numHeads(name: string, config: Config): number | null {
  if (/q_proj/.test(name)) return config.num_attention_heads;
  return /k_proj/.test(name) ? config.num_key_value_heads : null;
}

/** Metadata but for the tokenizer's, by the names that a config.json may have for the same thing. */
function tinyMetadata(model: TinyModel, config: Config): Record<string, GgufValue> {
  const arch = ARCHITECTURES[model] ?? model;
  const entries = KEYS.flatMap(([key, make, ...names]): [string, GgufValue][] => {
    const name = names.find((candidate) => (config[candidate] ?? null) !== null);
    return name === undefined ? [] : [[`${arch}.${key}`, make(config[name])]];
  });
  return {
    'general.architecture': string(arch),
    ...Object.fromEntries(entries),
    ...ropeMetadata(model, arch, config),
    ...extraMetadata(model, config),
    'tokenizer.ggml.model': string('gpt2'),
    'tokenizer.ggml.bos_token_id': u32(0),
    'tokenizer.ggml.eos_token_id': u32(2),
  };
}

const KEYS: readonly (readonly [string, (value: number) => GgufValue, ...string[]])[] = [
  ['context_length', u32, 'max_position_embeddings', 'n_positions'],
  ['embedding_length', u32, 'hidden_size', 'n_embd'],
  ['block_count', u32, 'num_hidden_layers', 'n_layer'],
  ['feed_forward_length', u32, 'intermediate_size'],
  ['attention.head_count', u32, 'num_attention_heads', 'n_head'],
  ['attention.head_count_kv', u32, 'num_key_value_heads'],
  ['attention.key_length', u32, 'head_dim'],
  ['attention.value_length', u32, 'head_dim'],
  ['attention.layer_norm_rms_epsilon', f32, 'rms_norm_eps'],
  ['attention.layer_norm_epsilon', f32, 'layer_norm_eps', 'layer_norm_epsilon'],
  ['attn_logit_softcapping', f32, 'attn_logit_softcapping'],
  ['final_logit_softcapping', f32, 'final_logit_softcapping'],
  ['attention.sliding_window', u32, 'sliding_window'],
  ['attention.scale', f32, 'attention_multiplier'],
  ['embedding_scale', f32, 'embedding_multiplier'],
  ['residual_scale', f32, 'residual_multiplier'],
  ['logit_scale', f32, 'logits_scaling'],
  ['expert_count', u32, 'num_local_experts'],
  ['expert_used_count', u32, 'num_experts_per_tok'],
  ['expert_feed_forward_length', u32, 'moe_intermediate_size'],
];

/** What families have of their own. */
function extraMetadata(model: TinyModel, config: Config): Record<string, GgufValue> {
  switch (model) {
    case 'phi3':
      return {
        'phi3.attention.sliding_window': u32(0),
        'phi3.rope.scaling.original_context_length': u32(4096),
      };
    case 'granite':
    case 'smollm3':
    case 'llama':
    case 'mistral':
    case 'mixtral':
      return { [`${ARCHITECTURES[model] ?? model}.vocab_size`]: u32(config.vocab_size) };
    case 'gpt_oss':
      return { ...YARN, 'gpt-oss.expert_feed_forward_length': u32(config.intermediate_size) };
    case 'gpt2':
      return { 'gpt2.feed_forward_length': u32(4 * config.n_embd) };
    case 'gpt_neox':
      return { 'gptneox.use_parallel_residual': bool(true) };
    default:
      return {};
  }
}

/** Of the tiny gpt-oss. */
const YARN: Readonly<Record<string, GgufValue>> = {
  'gpt-oss.rope.scaling.type': string('yarn'),
  'gpt-oss.rope.scaling.factor': f32(4),
  'gpt-oss.rope.scaling.original_context_length': u32(128),
  'gpt-oss.rope.scaling.yarn_truncate': bool(false),
  'gpt-oss.rope.scaling.yarn_beta_fast': f32(32),
  'gpt-oss.rope.scaling.yarn_beta_slow': f32(1),
};

const WITH_ROTARY_DIM: readonly TinyModel[] = [
  'llama',
  'mistral',
  'mixtral',
  'granite',
  'smollm3',
  'phi3',
  'gpt_neox',
];

function ropeMetadata(model: TinyModel, arch: string, config: Config): Record<string, GgufValue> {
  const rope = config.rope_parameters ?? {};
  const headDim = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const rotaryDim = headDim * Number(rope.partial_rotary_factor ?? 1);
  const theta = (kind: string) => {
    const own = rope[kind];
    return typeof own === 'object' ? own.rope_theta : Number(rope.rope_theta);
  };
  const hasTheta = model !== 'gpt2' && model !== 'gpt_neox' && model !== 'gemma2';
  return {
    ...(hasTheta ? { [`${arch}.rope.freq_base`]: f32(theta('full_attention')) } : {}),
    ...(model === 'gemma3' ? { 'gemma3.rope.freq_base_swa': f32(theta('sliding_attention')) } : {}),
    ...(WITH_ROTARY_DIM.includes(model) ? { [`${arch}.rope.dimension_count`]: u32(rotaryDim) } : {}),
  };
}

/** Patterns of the checkpoints' names below a layer, and what the format calls them. */
const LAYER_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(self_attn\.qkv_proj|attn\.c_attn|attention\.query_key_value)$/, 'attn_qkv'],
  [/^(self_attn\.o_proj|attn\.c_proj|attention\.dense)$/, 'attn_output'],
  [/^self_attn\.q_proj$/, 'attn_q'],
  [/^self_attn\.k_proj$/, 'attn_k'],
  [/^self_attn\.v_proj$/, 'attn_v'],
  [/^self_attn\.q_norm$/, 'attn_q_norm'],
  [/^self_attn\.k_norm$/, 'attn_k_norm'],
  [/^(mlp\.gate_proj)$/, 'ffn_gate'],
  [/^mlp\.(up_proj|gate_up_proj|c_fc|dense_h_to_4h)$/, 'ffn_up'],
  [/^mlp\.(down_proj|c_proj|dense_4h_to_h)$/, 'ffn_down'],
  [/^(?:block_sparse_moe\.gate|mlp\.gate|mlp\.router)$/, 'ffn_gate_inp'],
  [/^(input_layernorm|ln_1)$/, 'attn_norm'],
  [/^(pre_feedforward_layernorm|ln_2)$/, 'ffn_norm'],
  [/^post_feedforward_layernorm$/, 'post_ffw_norm'],
];
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/(embed_tokens|wte|embed_in)$/, 'token_embd'],
  [/wpe$/, 'position_embd'],
  [/^(model\.norm|transformer\.ln_f|gpt_neox\.final_layer_norm)$/, 'output_norm'],
  [/^(lm_head|embed_out)$/, 'output'],
];
/** Models whose norm of that name the format calls so, though gpt-oss has it before the MLP as the others. */
const WITH_POST_NORMS: readonly TinyModel[] = ['gemma2', 'gemma3', 'olmo2', 'gpt_oss'];

function ggufName(model: TinyModel, name: string): string {
  const [, layer, module, kind] = /^(?:\w+\.(?:layers|h)\.(\d+)\.)?(.*)\.(weight|bias)$/.exec(name) ?? [];
  if (name.endsWith('self_attn.sinks'))
    return `${name.replace(/^model\.layers\.(\d+)\..*/, 'blk.$1')}.attn_sinks.weight`;
  if (module === 'post_attention_layernorm') {
    return `blk.${layer}.${WITH_POST_NORMS.includes(model) ? 'post_attention_norm' : 'ffn_norm'}.${kind}`;
  }
  const found = (layer === undefined ? NAMES : LAYER_NAMES).find(([pattern]) => pattern.test(module));
  if (found === undefined) throw new Error(`${name} has no name in GGUF`);
  return `${layer === undefined ? '' : `blk.${layer}.`}${found[1]}.${kind}`;
}

/** Divisors of the frequencies for the tiny llama's scaling: factor 8, 1 and 4 turns of 64 positions. */
function ropeFactors({ head_dim: dim }: Config): GgufTensorData {
  const divisors = Float32Array.from({ length: dim / 2 }, (_, i) => {
    const turns = 64 / (2 * Math.PI * 10_000 ** ((2 * i) / dim));
    if (turns > 4) return 1;
    const smooth = (turns - 1) / 3;
    return turns < 1 ? 8 : 1 / ((1 - smooth) / 8 + smooth);
  });
  return { name: 'rope_freqs.weight', type: 'F32', dims: [dim / 2], data: new Uint8Array(divisors.buffer) };
}
