import type { GgufMetadata, GgufValue } from '../checkpoint/gguf/write.js';
import { CheckpointError } from '../errors.js';
import type { Architecture, GgufSettings } from './architectures.js';
import type { ModelConfig, RopeConfig } from './config.js';

/** Keys that llama.cpp's converter writes for an architecture where a reader would know their values without them. */
type Habit = 'headDim' | 'theta' | 'rotaryDim' | 'vocabSize' | 'kvHeads';

const HABITS: Readonly<Record<string, readonly Habit[]>> = {
  llama: ['kvHeads', 'headDim', 'theta', 'rotaryDim', 'vocabSize'],
  granite: ['kvHeads', 'theta', 'rotaryDim', 'vocabSize'],
  smollm3: ['kvHeads', 'theta', 'rotaryDim', 'vocabSize'],
  qwen2: ['kvHeads', 'theta'],
  olmo2: ['kvHeads', 'theta'],
  qwen3: ['kvHeads', 'headDim', 'theta'],
  qwen3moe: ['kvHeads', 'headDim', 'theta'],
  'gpt-oss': ['kvHeads', 'headDim', 'theta'],
  gemma2: ['kvHeads', 'headDim'],
  gemma3: ['kvHeads', 'headDim', 'theta'],
  phi3: ['kvHeads', 'theta', 'rotaryDim'],
  gpt2: [],
  gptneox: ['rotaryDim'],
};
const DEFAULT_THETA = 10_000;

/** `general.architecture`, and the family's settings. Throws CheckpointError for a family that is not written. */
export function ggufSettingsOf({ name, gguf }: Architecture, file: string): GgufSettings {
  if (gguf !== null && Object.hasOwn(HABITS, gguf.architecture)) return gguf;
  throw new CheckpointError(file, 'architectures', `${name} cannot be written as GGUF`);
}

/**
 * The keys below the architecture's prefix, named and typed as llama.cpp's converter has them. Where the converter forgets what changes the
 * result (Mistral's window, a rotation's base of Gemma 2 and GPT-NeoX that is not the default) it is written all the same; of phi3 the
 * length of the first training is written with LongRoPE alone, without which nothing reads it.
 */
export function modelKeys(config: ModelConfig, { architecture }: GgufSettings): GgufMetadata {
  const entries = {
    ...sizes(config, HABITS[architecture]),
    ...norms(config),
    ...windows(config, architecture),
    ...experts(config, architecture),
    ...scales(config, architecture),
    ...rotation(config, HABITS[architecture]),
    ...(architecture === 'gptneox' ? { use_parallel_residual: bool(config.parallelResidual) } : {}),
  };
  return new Map(Object.entries(entries).map(([key, value]) => [`${architecture}.${key}`, value]));
}

type Keys = Readonly<Record<string, GgufValue>>;
const u32 = (value: number): GgufValue => ({ type: 'u32', value });
const f32 = (value: number): GgufValue => ({ type: 'f32', value });
const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
const string = (value: string): GgufValue => ({ type: 'string', value });

function sizes(config: ModelConfig, habits: readonly Habit[]): Keys {
  const { numHeads, numKvHeads, headDim, hiddenSize } = config;
  const isOwnSize = headDim !== Math.floor(hiddenSize / numHeads);
  const head = { 'attention.key_length': u32(headDim), 'attention.value_length': u32(headDim) };
  return {
    block_count: u32(config.numLayers),
    context_length: u32(config.maxPositionEmbeddings),
    embedding_length: u32(hiddenSize),
    feed_forward_length: u32(config.intermediateSize),
    'attention.head_count': u32(numHeads),
    ...(habits.includes('kvHeads') || numKvHeads !== numHeads
      ? { 'attention.head_count_kv': u32(numKvHeads) }
      : {}),
    ...(habits.includes('headDim') || isOwnSize ? head : {}),
    ...(habits.includes('vocabSize') ? { vocab_size: u32(config.vocabSize) } : {}),
  };
}

function norms({ norm, normEps, attentionSoftCap, logitsSoftCap }: ModelConfig): Keys {
  return {
    [norm === 'rms' ? 'attention.layer_norm_rms_epsilon' : 'attention.layer_norm_epsilon']: f32(normEps),
    ...(attentionSoftCap === null ? {} : { attn_logit_softcapping: f32(attentionSoftCap) }),
    ...(logitsSoftCap === null ? {} : { final_logit_softcapping: f32(logitsSoftCap) }),
  };
}

/** Architectures of which some layers or all slide; which ones follows from the architecture. */
const WITH_WINDOW: ReadonlySet<string> = new Set(['llama', 'phi3', 'gemma2', 'gemma3', 'gpt-oss']);

/** phi3 says that no layer slides by a window of 0. */
function windows({ slidingWindows }: ModelConfig, architecture: string): Keys {
  const window = slidingWindows.find((size) => size !== null) ?? (architecture === 'phi3' ? 0 : null);
  return window === null || !WITH_WINDOW.has(architecture) ? {} : { 'attention.sliding_window': u32(window) };
}

/** Mixtral's experts have the size that the MLP has. */
function experts({ experts: all }: ModelConfig, architecture: string): Keys {
  if (all === null) return {};
  return {
    expert_count: u32(all.numExperts),
    expert_used_count: u32(all.topK),
    ...(architecture === 'llama' ? {} : { expert_feed_forward_length: u32(all.intermediateSize) }),
  };
}

/** Granite's alone: elsewhere factors follow from the architecture. */
function scales(config: ModelConfig, architecture: string): Keys {
  if (architecture !== 'granite') return {};
  return {
    'attention.scale': f32(config.attentionScale),
    embedding_scale: f32(config.embeddingScale),
    residual_scale: f32(config.residualScale),
    logit_scale: f32(1 / config.logitsScale),
  };
}

function rotation(config: ModelConfig, habits: readonly Habit[]): Keys {
  const main = mainRope(config);
  const sliding = config.ropes.find((_, layer) => config.slidingWindows[layer] !== null);
  const spread = main === null ? 0 : 'spread' in main ? (main.spread ?? main.rotaryDim) : main.rotaryDim;
  if (main === null) return {};
  return {
    ...(habits.includes('theta') || main.theta !== DEFAULT_THETA
      ? { 'rope.freq_base': f32(main.theta) }
      : {}),
    ...(sliding !== undefined && sliding.theta !== main.theta
      ? { 'rope.freq_base_swa': f32(sliding.theta) }
      : {}),
    ...(habits.includes('rotaryDim') || spread !== config.headDim
      ? { 'rope.dimension_count': u32(spread) }
      : {}),
    ...scaling(main),
  };
}

/** Of the layers that see all, where there are any; null where positions are learned. */
export function mainRope({ ropes, slidingWindows, weights }: ModelConfig): RopeConfig | null {
  if (weights.positions !== null) return null;
  const rotates = ({ type }: RopeConfig) => type !== 'none';
  return (
    ropes.find((rope, layer) => rotates(rope) && slidingWindows[layer] === null) ??
    ropes.find(rotates) ??
    null
  );
}

/** Llama 3's divisors and those of LongRoPE are tensors. */
function scaling(rope: RopeConfig): Keys {
  switch (rope.type) {
    case 'linear':
      return { 'rope.scaling.type': string('linear'), 'rope.scaling.factor': f32(rope.factor) };
    case 'yarn':
      return {
        'rope.scaling.type': string('yarn'),
        'rope.scaling.factor': f32(rope.factor),
        'rope.scaling.original_context_length': u32(rope.originalMaxPositions),
        ...(rope.truncate ? {} : { 'rope.scaling.yarn_truncate': bool(false) }),
        'rope.scaling.yarn_beta_fast': f32(rope.betaFast),
        'rope.scaling.yarn_beta_slow': f32(rope.betaSlow),
      };
    case 'longrope':
      return {
        'rope.scaling.original_context_length': u32(rope.originalMaxPositions),
        'rope.scaling.attn_factor': f32(rope.attentionFactor),
      };
    case 'default':
    case 'none':
    case 'llama3':
      return {};
    default:
      return rope satisfies never;
  }
}
