/** Tensor types of GGUF that are read: the format's id, and the bytes of a block of so many weights. */
export const GGUF_TYPES = {
  F32: { id: 0, elements: 1, bytes: 4 },
  F16: { id: 1, elements: 1, bytes: 2 },
  BF16: { id: 30, elements: 1, bytes: 2 },
  Q4_0: { id: 2, elements: 32, bytes: 18 },
  Q4_1: { id: 3, elements: 32, bytes: 20 },
  Q5_0: { id: 6, elements: 32, bytes: 22 },
  Q5_1: { id: 7, elements: 32, bytes: 24 },
  Q8_0: { id: 8, elements: 32, bytes: 34 },
  Q2_K: { id: 10, elements: 256, bytes: 84 },
  Q3_K: { id: 11, elements: 256, bytes: 110 },
  Q4_K: { id: 12, elements: 256, bytes: 144 },
  Q5_K: { id: 13, elements: 256, bytes: 176 },
  Q6_K: { id: 14, elements: 256, bytes: 210 },
  IQ4_NL: { id: 20, elements: 32, bytes: 18 },
  IQ4_XS: { id: 23, elements: 256, bytes: 136 },
  MXFP4: { id: 39, elements: 32, bytes: 17 },
} as const;

export type GgufType = keyof typeof GGUF_TYPES;
/** Plain floats: the same elements as safetensors of that name. */
export type GgufFloatType = 'F32' | 'F16' | 'BF16';
/** Codes with scales of their own. */
export type BlockType = Exclude<GgufType, GgufFloatType>;

/** null for a type that is not read. */
export function typeOfId(id: number): GgufType | null {
  const entries = Object.entries(GGUF_TYPES) as [GgufType, { id: number }][];
  return entries.find(([, type]) => type.id === id)?.[0] ?? null;
}

export function isBlockType(type: string): type is BlockType {
  return Object.hasOwn(GGUF_TYPES, type) && type !== 'F32' && type !== 'F16' && type !== 'BF16';
}
