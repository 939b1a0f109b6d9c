import { STORED_FORMATS } from '../../quant/formats.js';
import { padRows } from '../../quant/pack.js';
import { BLOCK_CODES, blocksPerRow, type PackedWeight } from '../../quant/weight.js';
import type { TensorInfo } from '../checkpoint.js';
import type { QuantizedMatrix } from './matrix.js';
import { checkShape, checkType, type ModuleTensors, matrixShape, tensorError } from './tensors.js';

/** Bytes of the codes of a block that shares a scale. */
const BLOCK_BYTES = BLOCK_CODES / 2;
/** The byte of a scale that is no number, and that of the greatest. */
const [NOT_A_NUMBER, GREATEST] = [255, 254];
/** The first code, but for its sign, whose product with the greatest scale is beyond f32. */
const FIRST_BEYOND = 4;

/** MXFP4: `weight_packed` u8 `[N, K/2]`, low nibble first, and `weight_scale` u8 `[N, K/32]`, 2^(scale − 127): both are kept as they are. */
export function mxfp4Matrix(tensors: ModuleTensors): QuantizedMatrix {
  const packed = checkType(tensors.anchor, ['U8']);
  const [rows, bytes] = matrixShape(packed);
  const shape = matrixShape(packed, [rows, 2 * bytes]);
  const scale = tensors.expect('weight_scale', ['U8', 'F8_E8M0']);
  checkShape(scale, rows, blocksPerRow(shape[1]));
  return {
    module: tensors.module,
    shape,
    storedAs: 'compressed-tensors MXFP4',
    format: STORED_FORMATS.mxfp4,
    parts: [packed, scale],
    read: async () => packMxfp4(await tensors.bytes(packed), await tensors.bytes(scale), shape, scale),
  };
}

/**
 * The canonical layout of MXFP4. @param codes `[rows][ceil(cols / 2)]`, low nibble first @param scales `[rows][ceil(cols / 32)]`
 * @param info named in the CheckpointError for a weight that is beyond f32
 */
export function packMxfp4(
  codes: Uint8Array,
  scales: Uint8Array,
  [rows, cols]: readonly [number, number],
  info: TensorInfo,
): PackedWeight {
  const blocks = blocksPerRow(cols);
  const padded = padRows(codes, rows, blocks * BLOCK_BYTES);
  for (let i = 0; i < scales.length; i++) {
    if (scales[i] < GREATEST) continue;
    const block = padded.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
    if (scales[i] === NOT_A_NUMBER || reachesBeyond(block)) {
      throw tensorError(info, `scale ${i} is ${scales[i]}, with which weights are beyond f32`);
    }
  }
  const scaleWords = new Uint32Array(Math.ceil(scales.length / 4));
  new Uint8Array(scaleWords.buffer).set(scales);
  return {
    format: STORED_FORMATS.mxfp4,
    rows,
    cols,
    codes: new Uint32Array(padded.buffer, padded.byteOffset, padded.length / 4),
    scales: scaleWords,
    zeros: null,
  };
}

function reachesBeyond(block: Uint8Array): boolean {
  return block.some((byte) => (byte & 7) >= FIRST_BEYOND || ((byte >> 4) & 7) >= FIRST_BEYOND);
}
