import { FLOAT_FORMATS } from '../../quant/formats.js';
import { packFloat } from '../../quant/pack.js';
import type { TensorInfo } from '../checkpoint.js';
import type { Fields } from '../fields.js';
import { describe } from '../fields.js';
import { oneOf, refuseUnknown } from './config.js';
import type { FindMatrices, QuantizedMatrix } from './matrix.js';
import { readScales, SCALE_DTYPES } from './scales.js';
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

/** `weight` `[N, K]` in FP8 and its scale, held as f32: the product of a code and a scale is rounded once. */
export function fp8Matrix(tensors: ModuleTensors, name: string, block: BlockShape | null): QuantizedMatrix {
  const weight = checkType(tensors.anchor, DTYPES);
  const shape = matrixShape(weight);
  const scaleName = SCALE_NAMES.find((suffix) => tensors.find(suffix) !== null) ?? SCALE_NAMES[0];
  const scale = tensors.expect(scaleName, SCALE_DTYPES);
  const blocks = scaledBlocks(scale, shape, block);
  return {
    module: tensors.module,
    shape,
    storedAs: `${name} ${weight.dtype.slice(3)}`,
    format: FLOAT_FORMATS.f32,
    parts: [weight, scale],
    read: async () => packFloat(await readValues(tensors, weight, scale, blocks), 'f32', shape[0], shape[1]),
  };
}

/** Values `[N · K]`. Rejects with CheckpointError where one is infinite or no number. */
async function readValues(
  tensors: ModuleTensors,
  weight: TensorInfo,
  scale: TensorInfo,
  { rows, cols, perRow }: ScaledBlocks,
): Promise<Float32Array> {
  const width = weight.shape[1];
  const codes = await tensors.bytes(weight);
  const scales = await readScales(tensors, scale);
  const table = fp8Values(weight);
  const values = new Float32Array(codes.length);
  for (let i = 0; i < values.length; i++) {
    const first = Math.floor(Math.floor(i / width) / rows) * perRow;
    values[i] = table[codes[i]] * scales.value(first + Math.floor((i % width) / cols));
    if (!Number.isFinite(values[i])) throw tensorError(weight, `element ${i} is ${values[i]}`);
  }
  return values;
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

/** What each byte stands for: E4M3 has no infinity and NaN at 127 and 255, E5M2 is the upper half of an f16. */
function fp8Values({ dtype }: TensorInfo): Float32Array {
  const mantissaBits = dtype === 'F8_E4M3' ? 3 : 2;
  return Float32Array.from({ length: 256 }, (_, code) => fp8Value(code, mantissaBits));
}

function fp8Value(code: number, mantissaBits: 2 | 3): number {
  const sign = code < 128 ? 1 : -1;
  const steps = 2 ** mantissaBits;
  const exponent = (code & 127) >>> mantissaBits;
  const mantissa = code & (steps - 1);
  const bias = mantissaBits === 3 ? 7 : 15;
  if (mantissaBits === 3 ? (code & 127) === 127 : exponent === 31) return Number.NaN;
  if (exponent === 0) return sign * (mantissa / steps) * 2 ** (1 - bias);
  return sign * (1 + mantissa / steps) * 2 ** (exponent - bias);
}
