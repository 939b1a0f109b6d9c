import { FLOAT_FORMATS } from '../../quant/formats.js';
import { f32ToBf16 } from '../../quant/half.js';
import { packFloat } from '../../quant/pack.js';
import type { QuantizedMatrix } from './matrix.js';
import { checkShape, checkType, type ModuleTensors, matrixShape, tensorError } from './tensors.js';

/** Values that share a scale. */
const BLOCK = 32;
const EXPONENT_BIAS = 127;
/** By code, whose highest bit is the sign. */
const VALUES: readonly number[] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/**
 * MXFP4: `weight_packed` u8 `[N, K/2]`, low nibble first, and `weight_scale` u8 `[N, K/32]`, 2^(scale − 127). Held as bf16, which is exact
 * in its range: two bits of mantissa.
 */
export function mxfp4Matrix(tensors: ModuleTensors): QuantizedMatrix {
  const packed = checkType(tensors.anchor, ['U8']);
  const [rows, bytes] = matrixShape(packed);
  const shape = matrixShape(packed, [rows, 2 * bytes]);
  const scale = tensors.expect('weight_scale', ['U8', 'F8_E8M0']);
  checkShape(scale, rows, Math.ceil(shape[1] / BLOCK));
  return {
    module: tensors.module,
    shape,
    storedAs: 'compressed-tensors MXFP4',
    format: FLOAT_FORMATS.bf16,
    parts: [packed, scale],
    read: async () => {
      const values = unpack(await tensors.bytes(packed), await tensors.bytes(scale), shape);
      const wrong = values.findIndex((value) => !Number.isFinite(value));
      if (wrong !== -1) throw tensorError(scale, `element ${wrong} of the weight is beyond bf16`);
      const halves = new Uint16Array(values.length);
      f32ToBf16(values, halves);
      return packFloat(halves, 'bf16', shape[0], shape[1]);
    },
  };
}

function unpack(
  codes: Uint8Array,
  scales: Uint8Array,
  [rows, cols]: readonly [number, number],
): Float32Array {
  const perRow = Math.ceil(cols / BLOCK);
  const values = new Float32Array(rows * cols);
  for (let n = 0, at = 0; n < rows; n++) {
    for (let k = 0; k < cols; k++, at++) {
      const exponent = scales[n * perRow + Math.floor(k / BLOCK)];
      const code = (codes[at >>> 1] >>> (4 * (at & 1))) & 15;
      values[at] = exponent === 255 ? Number.NaN : VALUES[code] * 2 ** (exponent - EXPONENT_BIAS);
    }
  }
  return values;
}
