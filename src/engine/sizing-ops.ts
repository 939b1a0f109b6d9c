import { CpuOps } from '../ops/cpu.js';
import { kvHeadBytes } from '../ops/kv-layout.js';
import {
  type ElementType,
  type KvCache,
  type KvCacheShape,
  type MemoryKind,
  rowStride,
  type Tensor,
} from '../ops/ops.js';

const NOTHING = new Float64Array(0);
const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = { f32: 4, f16: 2, u32: 4 };

/** Counts what tensors and KV caches would take on a GPU, and makes none. Nothing can be computed with it. */
export class SizingOps extends CpuOps {
  #bytes = 0;

  constructor(override readonly computeType: 'f32' | 'f16') {
    super();
  }

  /** Of all together. */
  get bytes(): number {
    return this.#bytes;
  }

  override tensor(rows: number, cols: number, type: ElementType, _: MemoryKind): Tensor<Float64Array> {
    const stride = rowStride(cols);
    this.#bytes += rows * stride * ELEMENT_BYTES[type];
    return { data: NOTHING, rows, cols, stride, type };
  }

  override kvCache(shape: KvCacheShape): KvCache<Float64Array> {
    this.#bytes += 2 * shape.numBlocks * shape.blockSize * shape.numKvHeads * kvHeadBytes(shape);
    return { ...shape, k: NOTHING, v: NOTHING };
  }
}
