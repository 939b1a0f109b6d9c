import type { Tokenizer } from './tokenizer.js';

export interface Markers {
  readonly prefix: string;
  readonly suffix: string;
  readonly middle: string;
}

/** Where the text between a prefix and a suffix is asked for: the markers that families were trained with, in the order prefix, suffix. */
const FAMILIES: readonly Markers[] = [
  // Qwen2.5-Coder, CodeGemma
  { prefix: '<|fim_prefix|>', suffix: '<|fim_suffix|>', middle: '<|fim_middle|>' },
  // StarCoder, SmolLM, Granite
  { prefix: '<fim_prefix>', suffix: '<fim_suffix>', middle: '<fim_middle>' },
  // CodeLlama
  { prefix: '▁<PRE>', suffix: '▁<SUF>', middle: '▁<MID>' },
  // DeepSeek-Coder: the hole stands where the middle belongs
  { prefix: '<｜fim▁begin｜>', suffix: '<｜fim▁hole｜>', middle: '<｜fim▁end｜>' },
];

/** The markers that a tokenizer knows; null where it has none, and its model cannot be asked for what stands between two texts. */
export function gapMarkers(tokenizer: Tokenizer): Markers | null {
  const found = FAMILIES.find((family) =>
    Object.values(family).every((marker) => tokenizer.isAddedToken(marker)),
  );
  return found ?? null;
}
