import type { WrittenType } from '../../checkpoint/gguf/pack.js';
import { GGUF_TYPES, type GgufFloatType } from '../../checkpoint/gguf/types.js';

/** What the matrices of a GGUF file become, by a name of llama-quantize. */
export interface GgufScheme {
  readonly name: string;
  /** `general.file_type`, as llama.cpp numbers mixtures. */
  readonly fileType: number;
  /** Of most matrices. */
  readonly type: WrittenType | GgufFloatType;
  /** Which of attn_v, the fused attn_qkv and ffn_down have finer types: none, those of the first layers (`S`), or of half of all (`M`). */
  readonly mixture: 'none' | 'S' | 'M';
}

const scheme = (
  name: string,
  fileType: number,
  type: GgufScheme['type'],
  mixture: GgufScheme['mixture'] = 'none',
): GgufScheme => ({ name, fileType, type, mixture });

const SCHEMES: readonly GgufScheme[] = [
  scheme('f32', 0, 'F32'),
  scheme('f16', 1, 'F16'),
  scheme('bf16', 32, 'BF16'),
  scheme('q8_0', 7, 'Q8_0'),
  scheme('q6_k', 18, 'Q6_K'),
  scheme('q5_k_m', 17, 'Q5_K', 'M'),
  scheme('q4_k_m', 15, 'Q4_K', 'M'),
  scheme('q4_k_s', 14, 'Q4_K', 'S'),
  scheme('q4_0', 2, 'Q4_0'),
];
/** Short names that llama-quantize takes too. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['q4_k', 'q4_k_m'],
  ['q5_k', 'q5_k_m'],
]);

/** For the help and for errors. */
export const GGUF_SCHEME_NAMES = SCHEMES.map(({ name }) => name).join(', ');

/** The mixture of a name in letters of either size; null where it is none of GGUF's. */
export function ggufScheme(name: string): GgufScheme | null {
  const lower = name.toLowerCase();
  const wanted = ALIASES.get(lower) ?? lower;
  return SCHEMES.find((known) => known.name === wanted) ?? null;
}

/** What a mixture depends on. */
export interface MixtureModel {
  /** `general.architecture` */
  readonly architecture: string;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly numExperts: number;
  readonly tied: boolean;
}

export interface MixtureTensor {
  readonly name: string;
  readonly layer: number | null;
  readonly shape: readonly number[];
}

export interface ChosenType {
  readonly type: WrittenType | GgufFloatType;
  /** What is done otherwise than the mixture has it, and why. */
  readonly note: string | null;
}

/** Tensors that llama.cpp holds in f32 whatever the rest is: vectors, biases of experts, routers and learned positions. */
const ALWAYS_F32 = /(?:\.bias|_norm\.weight|ffn_gate_inp\.weight|^position_embd\.weight)$/;

/** The type that a tensor has in a mixture, as llama-quantize chooses it. */
export function typeIn(scheme: GgufScheme, tensor: MixtureTensor, model: MixtureModel): ChosenType {
  if (tensor.shape.length === 1 || ALWAYS_F32.test(tensor.name)) return { type: 'F32', note: null };
  const wanted = mixedType(scheme, tensor, model);
  return fitting(wanted, tensor.shape[tensor.shape.length - 1]);
}

function mixedType(
  { type, mixture }: GgufScheme,
  { name, layer }: MixtureTensor,
  model: MixtureModel,
): GgufScheme['type'] {
  if (type === 'F32' || type === 'F16' || type === 'BF16' || type === 'Q8_0') return type;
  const index = layer ?? 0;
  const module = name.replace(/^blk\.\d+\.|\.weight$/g, '').replace(/_exps$/, '');
  switch (module) {
    case 'token_embd':
      return model.tied ? 'Q6_K' : type;
    case 'output':
      return 'Q6_K';
    case 'attn_v':
    case 'attn_qkv':
      return valuesType(type, mixture, index, model);
    case 'attn_k':
      return model.numExperts === 8 ? 'Q8_0' : type;
    case 'attn_output':
      return model.numExperts === 8 && type === 'Q4_K' ? 'Q5_K' : type;
    case 'ffn_down':
      if (mixture === 'M' && isFine(index, model.numLayers)) return 'Q6_K';
      return mixture === 'S' && index < Math.floor(model.numLayers / 8) ? 'Q5_K' : type;
    default:
      return type;
  }
}

/** With 8 experts attention is small beside them, and 8 heads share each value in models of 80 layers: both get finer types. */
function valuesType(
  type: WrittenType,
  mixture: GgufScheme['mixture'],
  layer: number,
  model: MixtureModel,
): WrittenType {
  if (model.numExperts === 8) return 'Q8_0';
  if (mixture === 'M' && isFine(layer, model.numLayers)) return 'Q6_K';
  if (mixture === 'S' && layer < 4) return 'Q5_K';
  const isShared = model.numLayers === 80 && model.numHeads !== model.numKvHeads;
  const isLarge = isShared && ['llama', 'qwen2'].includes(model.architecture);
  return isLarge && type === 'Q4_K' ? 'Q5_K' : type;
}

/** Of the first eighth, of the last, and each third between. */
function isFine(layer: number, numLayers: number): boolean {
  const eighth = Math.floor(numLayers / 8);
  return layer < eighth || layer >= Math.floor((7 * numLayers) / 8) || (layer - eighth) % 3 === 2;
}

/** What takes the place of a type whose blocks do not divide a row. */
const SMALLER: Readonly<Partial<Record<GgufScheme['type'], WrittenType>>> = {
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
};

function fitting(wanted: GgufScheme['type'], cols: number): ChosenType {
  const { elements } = GGUF_TYPES[wanted];
  if (cols % elements === 0) return { type: wanted, note: null };
  const smaller = SMALLER[wanted];
  const type = smaller !== undefined && cols % GGUF_TYPES[smaller].elements === 0 ? smaller : 'F16';
  return { type, note: `${type}: rows of ${cols} are not divided by ${wanted}’s blocks of ${elements}` };
}
