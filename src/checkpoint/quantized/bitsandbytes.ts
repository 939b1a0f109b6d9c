import { CheckpointError } from '../../errors.js';
import { FLOAT_FORMATS } from '../../quant/formats.js';
import { packFloat } from '../../quant/pack.js';
import { TABLES } from '../../quant/tables.js';
import { BLOCK_CODES, type PackedWeight, type WeightFormat } from '../../quant/weight.js';
import type { Checkpoint, TensorInfo } from '../checkpoint.js';
import { Fields } from '../fields.js';
import { JSON_LIMITS, parseJson } from '../json.js';
import { oneOf, refuseUnknown } from './config.js';
import { integerFormat, packIntegers } from './integers.js';
import type { FindMatrices, QuantizedMatrix } from './matrix.js';
import { swapNibbles } from './packing.js';
import { f32Scales } from './scales.js';
import { checkShape, checkType, ModuleTensors, matrixShape, modulesWith, tensorError } from './tensors.js';

const KEYS =
  'quant_method load_in_8bit load_in_4bit _load_in_8bit _load_in_4bit bnb_4bit_quant_type bnb_4bit_use_double_quant ' +
  'bnb_4bit_compute_dtype bnb_4bit_quant_storage llm_int8_threshold llm_int8_skip_modules llm_int8_has_fp16_weight ' +
  'llm_int8_enable_fp32_cpu_offload';
const STATE = /^(.*)\.weight\.quant_state\.bitsandbytes__(nf4|fp4)$/;
/** A state is a line of JSON. */
const STATE_LIMITS = { ...JSON_LIMITS, maxBytes: 64 * 1024, maxDepth: 4 };
const INT8_SCALE = 127;

/** bitsandbytes' INT8, NF4 and FP4, the latter with scales that may be quantized too. */
export const findBitsandbytes: FindMatrices = async (checkpoint, config) => {
  refuseUnknown(config, KEYS);
  oneOf(config, 'bnb_4bit_quant_type', ['fp4', 'nf4']);
  const wide = modulesWith(checkpoint, 'SCB').map(int8Matrix);
  const narrow: QuantizedMatrix[] = [];
  for (const info of checkpoint.tensors.values()) {
    const [, module, type] = STATE.exec(info.name) ?? [];
    if (module !== undefined) narrow.push(await narrowMatrix(checkpoint, info, module, type));
  }
  return [...wide, ...narrow];
};

/** `weight` i8 `[N, K]`, `SCB` f32 `[N]`: W = weight · SCB / 127. */
function int8Matrix(tensors: ModuleTensors): QuantizedMatrix {
  const scb = checkType(tensors.anchor, ['F32']);
  const weight = tensors.expect('weight', ['I8']);
  const shape = matrixShape(weight);
  const [rows, cols] = shape;
  checkShape(scb, rows);
  const layout = tensors.find('weight_format');
  const form = {
    cols,
    bits: 8,
    groupSize: null,
    scaleType: 'f32',
    zeroPoints: false,
    groups: null,
  } as const;
  const format = integerFormat(form);
  return {
    module: tensors.module,
    shape,
    storedAs: 'bitsandbytes INT8',
    format,
    parts: [weight, scb, ...(layout === null ? [] : [layout])],
    read: async () => {
      if (layout !== null) await checkRowMajor(tensors, layout);
      const codes = await tensors.bytes(weight);
      const maxima = new Float32Array((await tensors.bytes(scb)).buffer);
      const scales = f32Scales(
        scb,
        maxima.map((maximum) => maximum / INT8_SCALE),
      );
      const readRow = (n: number, out: Uint8Array) => {
        for (let k = 0; k < cols; k++) out[k] = codes[n * cols + k] ^ 0x80;
      };
      const matrix = {
        ...form,
        rows,
        readRow,
        scales,
        scaleIndex: (n: number) => n,
        zero: null,
      };
      return packIntegers(matrix, format);
    },
  };
}

/** `weight_format` u8: 0 is row-major, others are tiles of some GPU. */
async function checkRowMajor(tensors: ModuleTensors, layout: TensorInfo): Promise<void> {
  const [format] = await tensors.bytes(checkType(layout, ['U8']));
  if (format !== 0) throw tensorError(layout, `layout ${format} is not read; known: 0, row-major`);
}

/** What `quant_state` says, checked against the tensors. */
interface NarrowParts {
  readonly tensors: ModuleTensors;
  readonly weight: TensorInfo;
  readonly absmax: TensorInfo;
  readonly quantMap: TensorInfo;
  readonly shape: readonly [number, number];
  readonly blockSize: number;
  readonly nested: NestedParts | null;
}

/** Scales that are codes themselves: a look-up, a scale of their own per block, and what is added to all. */
interface NestedParts {
  readonly absmax: TensorInfo;
  readonly quantMap: TensorInfo;
  readonly blockSize: number;
  readonly offset: number;
}

async function narrowMatrix(
  checkpoint: Checkpoint,
  state: TensorInfo,
  module: string,
  type: string,
): Promise<QuantizedMatrix> {
  const parts = await openNarrow(new ModuleTensors(checkpoint, module, state), state, type);
  const { weight, absmax, quantMap, shape, nested } = parts;
  const format = narrowFormat(parts, await readF32(parts.tensors, quantMap), type);
  return {
    module,
    shape,
    storedAs: `bitsandbytes ${type.toUpperCase()}${nested === null ? '' : ', double quantization'}`,
    format,
    parts: [weight, absmax, quantMap, state, ...(nested === null ? [] : [nested.absmax, nested.quantMap])],
    read: async () =>
      format.scaleType === null
        ? packFloat(await readNarrow(parts), 'f32', shape[0], shape[1])
        : packNarrow(parts, format),
  };
}

/** Codes of the known table where blocks are groups of a row, else f32. */
function narrowFormat({ shape, blockSize }: NarrowParts, map: Float32Array, type: string): WeightFormat {
  const table = type === 'nf4' ? 'nf4' : 'fp4';
  const inRows = blockSize % BLOCK_CODES === 0 && shape[1] % blockSize === 0;
  if (!inRows || TABLES[table].some((value, code) => value !== map[code])) return FLOAT_FORMATS.f32;
  return { reader: 'table4', table, bits: 4, groupSize: blockSize, scaleType: 'f32', zeroPoints: false };
}

/** The same codes, the first of two in the low nibble, and the scales as they are applied. */
async function packNarrow(parts: NarrowParts, format: WeightFormat): Promise<PackedWeight> {
  const { tensors, weight, shape } = parts;
  const words = new Uint32Array((await tensors.bytes(weight)).buffer);
  return {
    format,
    rows: shape[0],
    cols: shape[1],
    codes: swapNibbles(words),
    scales: new Uint32Array((await blockScales(parts)).buffer),
    zeros: null,
  };
}

/** `weight` of any type holds `ceil(N·K / 2)` bytes; `absmax` one scale for each block over the flat weight. */
async function openNarrow(tensors: ModuleTensors, state: TensorInfo, type: string): Promise<NarrowParts> {
  const fields = await readState(tensors, state, type);
  const shape = matrixShape(state, integers(fields, 'shape'));
  const count = shape[0] * shape[1];
  const weight = tensors.find('weight');
  if (weight === null) throw new CheckpointError(state.file, `${tensors.module}.weight`, 'missing');
  if (weight.bytes !== Math.ceil(count / 2)) {
    throw tensorError(
      weight,
      `${weight.bytes} bytes, but [${shape.join(', ')}] takes ${Math.ceil(count / 2)}`,
    );
  }
  const blockSize = fields.integer('blocksize', { min: 1, max: 2 ** 24 });
  const numBlocks = Math.ceil(count / blockSize);
  const nested = fields.has('nested_blocksize') ? openNested(tensors, fields, numBlocks) : null;
  const absmax = tensors.expect('weight.absmax', nested === null ? ['F32'] : ['U8']);
  checkShape(absmax, numBlocks);
  const quantMap = tensors.expect('weight.quant_map', ['F32']);
  checkShape(quantMap, 16);
  return { tensors, weight, absmax, quantMap, shape, blockSize, nested };
}

async function readState(tensors: ModuleTensors, state: TensorInfo, type: string): Promise<Fields> {
  checkType(state, ['U8']);
  if (state.bytes > STATE_LIMITS.maxBytes) throw tensorError(state, `${state.bytes} bytes are no state`);
  const source = `${state.file}: ${state.name}`;
  const fields = Fields.from(parseJson(await tensors.bytes(state), source, STATE_LIMITS), source);
  oneOf(fields, 'quant_type', [type]);
  return fields;
}

function integers(fields: Fields, key: string): number[] {
  return fields.list(key).map((value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw fields.error(key, 'must hold integers');
  });
}

function openNested(tensors: ModuleTensors, fields: Fields, numBlocks: number): NestedParts {
  const blockSize = fields.integer('nested_blocksize', { min: 1, max: 2 ** 24 });
  oneOf(fields, 'nested_dtype', ['float32']);
  const absmax = tensors.expect('weight.nested_absmax', ['F32']);
  checkShape(absmax, Math.ceil(numBlocks / blockSize));
  const quantMap = tensors.expect('weight.nested_quant_map', ['F32']);
  checkShape(quantMap, 256);
  const finite = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
  return { absmax, quantMap, blockSize, offset: fields.number('nested_offset', finite) };
}

/** Values `[N · K]`: the first of two in the high nibble, each product rounded to f32 once. */
async function readNarrow(parts: NarrowParts): Promise<Float32Array> {
  const { tensors, weight, quantMap, shape, blockSize } = parts;
  const codes = await tensors.bytes(weight);
  const map = await readF32(tensors, quantMap);
  const scales = await blockScales(parts);
  const values = new Float32Array(shape[0] * shape[1]);
  for (let i = 0; i < values.length; i++) {
    const byte = codes[i >>> 1];
    values[i] = map[i % 2 === 0 ? byte >>> 4 : byte & 15] * scales[Math.floor(i / blockSize)];
  }
  return values;
}

/** Each step of a nested scale is rounded to f32, as its writer does. */
async function blockScales({ tensors, absmax, nested }: NarrowParts): Promise<Float32Array<ArrayBuffer>> {
  if (nested === null) return readF32(tensors, absmax);
  const codes = await tensors.bytes(absmax);
  const map = await readF32(tensors, nested.quantMap);
  const outer = await readF32(tensors, nested.absmax);
  const product = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) product[i] = map[codes[i]] * outer[Math.floor(i / nested.blockSize)];
  return product.map((value) => value + Math.fround(nested.offset));
}

/** Rejects with CheckpointError where a value is infinite or no number. */
async function readF32(tensors: ModuleTensors, info: TensorInfo): Promise<Float32Array<ArrayBuffer>> {
  const values = new Float32Array((await tensors.bytes(info)).buffer);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong !== -1) throw tensorError(info, `value ${wrong} is ${values[wrong]}`);
  return values;
}
