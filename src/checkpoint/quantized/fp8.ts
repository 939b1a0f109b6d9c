import { FLOAT_FORMATS } from '../../quant/formats.js';
import { fp8Values } from '../../quant/fp8.js';
import { packFloat, padRows } from '../../quant/pack.js';
import { BLOCK_CODES, groupsPerRow, type PackedWeight, type WeightFormat } from '../../quant/weight.js';
import type { TensorInfo } from '../checkpoint.js';
import type { Fields } from '../fields.js';
import { describe } from '../fields.js';
import { oneOf, refuseUnknown } from './config.js';
import type { FindMatrices, QuantizedMatrix } from './matrix.js';
import { packScales, readScales, SCALE_DTYPES, type Scales, scaleType } from './scales.js';
import { checkType, type ModuleTensors, matrixShape, modulesWith, tensorError } from './tensors.js';

const KEYS =
  'quant_method activation_scheme weight_block_size modules_to_not_convert ignored_layers fmt scale_fmt activation_scale_ub kv_cache_scheme';
const DTYPES = ['F8_E4M3', 'F8_E5M2'] as const;
/** What writers call the scale; both are factors. */
const SCALE_NAMES = ['weight_scale', 'weight_scale_inv'] as const;

/** Rows and columns of a block that shares a scale. */
export type BlockShape = readonly [number, number];

/** FP8 weights with one scale for the tensor, a row, or a block. Activations stay floats. */
export const findFp8: FindMatrices = async (checkpoint, config) => {
  refuseUnknown(config, KEYS);
  oneOf(config, 'activation_scheme', ['dynamic', 'static']);
  oneOf(config, 'fmt', ['e4m3', 'e5m2']);
  const block = config.has('weight_block_size') ? blockShape(config, 'weight_block_size') : null;
  return modulesWith(checkpoint, 'weight')
    .filter(({ anchor }) => isFp8(anchor))
    .map((tensors) => fp8Matrix(tensors, 'FP8', block));
};

export function isFp8({ dtype }: TensorInfo): boolean {
  return DTYPES.some((fp8) => fp8 === dtype);
}

/** Throws CheckpointError. */
export function blockShape(config: Fields, key: string): BlockShape {
  const sizes = config.list(key);
  const [rows, cols] = sizes;
  if (sizes.length === 2 && isSize(rows) && isSize(cols)) return [rows, cols];
  throw config.error(key, `must be [rows, columns], is ${describe(sizes)}`);
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 2 ** 24;
}

/** `weight` `[N, K]` in FP8 and its scale, which every row has its own copy of in memory. */
export function fp8Matrix(tensors: ModuleTensors, name: string, block: BlockShape | null): QuantizedMatrix {
  const weight = checkType(tensors.anchor, DTYPES);
  const shape = matrixShape(weight);
  const scaleName = SCALE_NAMES.find((suffix) => tensors.find(suffix) !== null) ?? SCALE_NAMES[0];
  const scale = tensors.expect(scaleName, SCALE_DTYPES);
  const blocks = scaledBlocks(scale, shape, block);
  const format = fp8Format(weight, scale, blocks);
  return {
    module: tensors.module,
    shape,
    storedAs: `${name} ${weight.dtype.slice(3)}`,
    format,
    parts: [weight, scale],
    read: async () => {
      const codes = await readCodes(tensors, weight);
      const scales = await readScales(tensors, scale);
      if (format.scaleType !== null) return packCodes(codes, scales, blocks, shape, format);
      return packFloat(dequantized(weight, codes, scales, blocks), 'f32', shape[0], shape[1]);
    },
  };
}

/** The codes as they are where blocks are groups of a row, else f32. */
function fp8Format(weight: TensorInfo, scale: TensorInfo, { cols }: ScaledBlocks): WeightFormat {
  const whole = cols >= weight.shape[1];
  if (!whole && cols % BLOCK_CODES !== 0) return FLOAT_FORMATS.f32;
  const reader = weight.dtype === 'F8_E4M3' ? 'e4m3' : 'e5m2';
  return { reader, bits: 8, groupSize: whole ? null : cols, scaleType: scaleType(scale), zeroPoints: false };
}

/** Rejects with CheckpointError where one is infinite or no number. */
async function readCodes(tensors: ModuleTensors, weight: TensorInfo): Promise<Uint8Array> {
  const codes = await tensors.bytes(weight);
  const values = valuesOf(weight);
  const wrong = codes.findIndex((code) => !Number.isFinite(values[code]));
  if (wrong !== -1) throw tensorError(weight, `element ${wrong} is ${values[codes[wrong]]}`);
  return codes;
}

function valuesOf({ dtype }: TensorInfo): Float32Array {
  return fp8Values(dtype === 'F8_E4M3' ? 3 : 2);
}

function packCodes(
  bytes: Uint8Array,
  scales: Scales,
  blocks: ScaledBlocks,
  [rows, cols]: readonly [number, number],
  format: WeightFormat,
): PackedWeight {
  const padded = padRows(bytes, rows, Math.ceil(cols / BLOCK_CODES) * BLOCK_CODES);
  const codes = new Uint32Array(padded.buffer, padded.byteOffset, padded.length / 4);
  const scaleIndex = (n: number, g: number) => Math.floor(n / blocks.rows) * blocks.perRow + g;
  const shape = { rows, groups: groupsPerRow(format, cols) };
  return { format, rows, cols, codes, scales: packScales(scales, shape, scaleIndex), zeros: null };
}

/** Values `[N · K]`, each product of a code and a scale rounded to f32 once. */
function dequantized(
  weight: TensorInfo,
  codes: Uint8Array,
  scales: Scales,
  { rows, cols, perRow }: ScaledBlocks,
): Float32Array {
  const width = weight.shape[1];
  const table = valuesOf(weight);
  return Float32Array.from(codes, (code, i) => {
    const first = Math.floor(Math.floor(i / width) / rows) * perRow;
    return table[code] * scales.value(first + Math.floor((i % width) / cols));
  });
}

/** Rows and columns of a block that shares a scale, and scales in a row of blocks. */
interface ScaledBlocks {
  readonly rows: number;
  readonly cols: number;
  readonly perRow: number;
}

function scaledBlocks(
  scale: TensorInfo,
  [rows, cols]: readonly [number, number],
  block: BlockShape | null,
): ScaledBlocks {
  const shape = scale.shape.join();
  if (shape === '' || shape === '1' || shape === '1,1') return { rows, cols, perRow: 1 };
  if (shape === `${rows}` || shape === `${rows},1`) return { rows: 1, cols, perRow: 1 };
  const perRow = block === null ? 0 : Math.ceil(cols / block[1]);
  if (block !== null && shape === `${Math.ceil(rows / block[0])},${perRow}`) {
    return { rows: block[0], cols: block[1], perRow };
  }
  const expected = block === null ? '' : ` or blocks of [${block.join(', ')}]`;
  throw tensorError(
    scale,
    `shape [${scale.shape.join(', ')}] fits neither the tensor nor its rows${expected}`,
  );
}
