import { STORED_FORMATS } from '../../quant/formats.js';
import { BLOCK_CODES } from '../../quant/weight.js';
import type { RowRange, TensorInfo } from '../checkpoint.js';
import { refuseUnknown } from './config.js';
import type { FindMatrices, QuantizedMatrix } from './matrix.js';
import { packMxfp4 } from './mxfp4.js';
import { checkShape, checkType, tensorError } from './tensors.js';

const KEYS = 'quant_method modules_to_not_convert';
const BLOCKS = /_blocks$/;
const BLOCK_BYTES = BLOCK_CODES / 2;
const MAX_SIZE = 2 ** 24;

/**
 * gpt-oss' experts as they are released: `…_blocks` u8 `[experts, N, K/32, 16]`, low nibble first, and `…_scales` u8 `[experts, N, K/32]`,
 * 2^(scale − 127). What is not converted are tensors of floats.
 */
export const findMxfp4: FindMatrices = async (checkpoint, config) => {
  refuseUnknown(config, KEYS);
  const blocks = [...checkpoint.tensors.values()].filter(({ name }) => BLOCKS.test(name));
  return blocks.map((info) => {
    const name = info.name.replace(BLOCKS, '');
    const scales = checkpoint.tensors.get(`${name}_scales`);
    if (scales === undefined) throw tensorError(info, `${name}_scales is missing`);
    return expertsMatrix(
      name,
      checkType(info, ['U8']),
      checkType(scales, ['U8', 'F8_E8M0']),
      async (part, rows) => {
        const { data } = await checkpoint.read(part.name, rows);
        return data;
      },
    );
  });
};

type ReadBytes = (info: TensorInfo, rows?: RowRange) => Promise<Uint8Array<ArrayBuffer>>;

function expertsMatrix(
  name: string,
  blocks: TensorInfo,
  scales: TensorInfo,
  bytes: ReadBytes,
): QuantizedMatrix {
  const { shape } = blocks;
  const [numExperts, rows, perRow, size] = shape;
  if (
    shape.length !== 4 ||
    size !== BLOCK_BYTES ||
    !shape.every((length) => length >= 1 && length <= MAX_SIZE)
  )
    throw tensorError(blocks, `[${shape.slice(0, 8).join(', ')}] are no blocks of ${BLOCK_BYTES} bytes`);
  checkShape(scales, numExperts, rows, perRow);
  const cols = perRow * BLOCK_CODES;
  return {
    module: name,
    tensor: name,
    shape: [numExperts, rows, cols],
    storedAs: 'MXFP4',
    format: STORED_FORMATS.mxfp4,
    parts: [blocks, scales],
    readsRanges: true,
    read: async (range) => {
      const count = range?.count ?? numExperts;
      return packMxfp4(await bytes(blocks, range), await bytes(scales, range), [count * rows, cols], scales);
    },
  };
}
