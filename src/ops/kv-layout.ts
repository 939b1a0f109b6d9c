import { f16Rounder, f16Value } from '../quant/half.js';
import { roundedToInt8 } from './int8.js';
import type { KvCacheShape, KvType } from './ops.js';

const SCALE_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Bytes that K, or V, of one token and head takes: `headDim` values, and for INT8 their scale. */
export function kvHeadBytes({ headDim, type }: Pick<KvCacheShape, 'headDim' | 'type'>): number {
  switch (type) {
    case 'f32':
      return 4 * headDim;
    case 'f16':
      return 2 * headDim;
    case 'int8':
      return headDim + SCALE_BYTES;
    default:
      return type satisfies never;
  }
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
    default:
      return type satisfies never;
  }
}

function storedHalves(head: Float64Array): Float64Array {
  const round = f16Rounder();
  return head.map((value) => f16Value(round(value)));
}
