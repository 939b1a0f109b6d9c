import { CpuOps } from '../ops/cpu.js';
import { type ElementType, type MemoryKind, rowStride, type Tensor } from '../ops/ops.js';

const NOTHING = new Float64Array(0);
const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = { f32: 4, f16: 2, u32: 4 };

/** Counts what tensors would take on a GPU, and makes none. Nothing can be computed with it. */
export class SizingOps extends CpuOps {
  #bytes = 0;

  constructor(override readonly computeType: 'f32' | 'f16') {
    super();
  }

  /** Of all tensors. */
  get bytes(): number {
    return this.#bytes;
  }

  override tensor(rows: number, cols: number, type: ElementType, _: MemoryKind): Tensor<Float64Array> {
    const stride = rowStride(cols);
    this.#bytes += rows * stride * ELEMENT_BYTES[type];
    return { data: NOTHING, rows, cols, stride, type };
  }
}
