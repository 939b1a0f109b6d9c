import { f16Rounder, f16Value } from '../quant/half.js';
import { hadamard } from './hadamard.js';
import { int4Words, roundedToInt4 } from './int4.js';
import { roundedToInt8 } from './int8.js';

export interface KvCacheShape {
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly type: KvType;
}

/**
 * `int8` keeps each head of a token as codes with one f32 scale, max |value| / 127; `int4` as codes for each 64 values with a scale and a
 * minimum in f16, and q and k as Hadamard's matrix turns them.
 */
export type KvType = 'f32' | 'f16' | 'int8' | 'int4';

/**
 * K and V of one layer, each `[block][kvHead]`, in which floats lie as `[slot][headDim]`, INT8 as `[slot][headDim / 4]` words of four codes,
 * low byte first, then `[slot]` scales, and INT4 as `[slot]` heads, in each for every 64 values a word of scale and minimum and up to 8 of codes.
 */
export interface KvCache<B> extends KvCacheShape {
  readonly k: B;
  readonly v: B;
}

const SCALE_BYTES = Float32Array.BYTES_PER_ELEMENT;
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/** Bytes that K, or V, of one token and head takes: `headDim` values, and for INT8 and INT4 their scales. */
export function kvHeadBytes({ headDim, type }: Pick<KvCacheShape, 'headDim' | 'type'>): number {
  switch (type) {
    case 'f32':
      return 4 * headDim;
    case 'f16':
      return 2 * headDim;
    case 'int8':
      return headDim + SCALE_BYTES;
    case 'int4':
      return WORD_BYTES * int4Words(headDim);
    default:
      return type satisfies never;
  }
}

/** Q or K of one head, `[headDim]`, as a cache of this type has them: INT4 spreads each dimension over the others. Products of q and k stay. */
export function inKeyBasis(head: Float64Array, type: KvType): Float64Array {
  return type === 'int4' ? hadamard(head) : head;
}

/** What a cache of this type gives back of the `[headDim]` values of one head. */
export function storedHead(head: Float64Array, type: KvType): Float64Array {
  switch (type) {
    case 'f32':
      return head.map(Math.fround);
    case 'f16':
      return storedHalves(head);
    case 'int8':
      return roundedToInt8(head);
    case 'int4':
      return roundedToInt4(head);
    default:
      return type satisfies never;
  }
}

function storedHalves(head: Float64Array): Float64Array {
  const round = f16Rounder();
  return head.map((value) => f16Value(round(value)));
}

/** The first element of a head's K or V at a slot, in a cache `[block][KV head][slot of the block][head dim]` of one element a value. */
export function cacheIndex(cache: KvCacheShape, slot: number, kvHead: number): number {
  const block = Math.floor(slot / cache.blockSize);
  return ((block * cache.numKvHeads + kvHead) * cache.blockSize + (slot % cache.blockSize)) * cache.headDim;
}
