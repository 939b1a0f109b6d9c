import type { FloatType } from '../../quant/formats.js';
import { TABLES } from '../../quant/tables.js';
import type { PackedWeight } from '../../quant/weight.js';
import { swapNibbles } from '../quantized/packing.js';
import type { TensorSpec } from '../safetensors-layout.js';
import { scaleElements } from './codes.js';
import { DYNAMIC_MAP, NESTED_BLOCK, nestScales, withNestedScales } from './double-quant.js';
import { type FileFormat, type MatrixSpec, withData } from './format.js';

const BLOCK_SIZE = 64;
const TORCH_TYPES: Readonly<Record<FloatType, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' };

/** Room for any offset in the state, so that its length is known before the scales are. */
const OFFSET_LENGTH = 24;

/** bitsandbytes' NF4 and FP4 in blocks of 64, with scales in f32 or in codes of 8 bits. */
export const bitsandbytes: FileFormat = {
  name: 'bitsandbytes',
  scaleType: null,
  byOutputs: true,
  mixesGroups: false,
  problem,
  tensors,
  stored: (spec, weight) =>
    spec.doubleQuant === true ? withNestedScales(weight, f32Scales(weight)) : weight,
  pack: (spec, weight) => withData(tensors(spec), elements(spec, weight)),
  config: (matrices, kept) => ({
    quant_method: 'bitsandbytes',
    load_in_4bit: true,
    load_in_8bit: false,
    bnb_4bit_quant_type: tableOf(matrices[0]),
    bnb_4bit_use_double_quant: matrices[0].doubleQuant === true,
    bnb_4bit_compute_dtype: TORCH_TYPES[matrices[0].floatType],
    bnb_4bit_quant_storage: 'uint8',
    llm_int8_skip_modules: kept,
  }),
};

function problem({ cols, format }: MatrixSpec): string | null {
  if ((format.table !== 'nf4' && format.table !== 'fp4') || format.groupSize !== BLOCK_SIZE)
    return 'bitsandbytes holds NF4 and FP4 in blocks of 64';
  return cols % BLOCK_SIZE === 0 ? null : `${cols} inputs are no whole blocks of ${BLOCK_SIZE}`;
}

function tableOf({ format }: MatrixSpec): 'nf4' | 'fp4' {
  return format.table === 'fp4' ? 'fp4' : 'nf4';
}

/** weight u8 `[N·K/2, 1]`, absmax `[N·K/64]`, quant_map `[16]`, and the state as JSON; of absmax in codes, what these stand for and their scales. */
function tensors(spec: MatrixSpec): TensorSpec[] {
  const { module, rows, cols, doubleQuant } = spec;
  const weight = `${module}.weight`;
  const blocks = (rows * cols) / BLOCK_SIZE;
  const nested: TensorSpec[] = [
    { name: `${weight}.nested_absmax`, dtype: 'F32', shape: [Math.ceil(blocks / NESTED_BLOCK)] },
    { name: `${weight}.nested_quant_map`, dtype: 'F32', shape: [DYNAMIC_MAP.length] },
  ];
  const stateShape = [stateOf(spec, 0).length];
  return [
    { name: weight, dtype: 'U8', shape: [(rows * cols) / 2, 1] },
    { name: `${weight}.absmax`, dtype: doubleQuant === true ? 'U8' : 'F32', shape: [blocks] },
    { name: `${weight}.quant_map`, dtype: 'F32', shape: [16] },
    { name: `${weight}.quant_state.bitsandbytes__${tableOf(spec)}`, dtype: 'U8', shape: stateShape },
    ...(doubleQuant === true ? nested : []),
  ];
}

function elements(spec: MatrixSpec, weight: PackedWeight): ArrayBufferView[] {
  const map = TABLES[tableOf(spec)];
  // The first of two codes in the high nibble.
  const codes = swapNibbles(weight.codes);
  const state = (offset: number) => new TextEncoder().encode(stateOf(spec, offset));
  if (spec.doubleQuant !== true) return [codes, scaleElements(weight), map, state(0)];
  const { codes: scales, nested, offset } = nestScales(f32Scales(weight));
  return [codes, scales, map, state(offset), nested, DYNAMIC_MAP];
}

function f32Scales(weight: PackedWeight): Float32Array {
  return Float32Array.from(scaleElements(weight));
}

/** ASCII. */
function stateOf(spec: MatrixSpec, offset: number): string {
  const { rows, cols, floatType, doubleQuant } = spec;
  const dtype = TORCH_TYPES[floatType];
  const state = { quant_type: tableOf(spec), blocksize: BLOCK_SIZE, dtype, shape: [rows, cols] };
  if (doubleQuant !== true) return JSON.stringify(state);
  const nested = { nested_blocksize: NESTED_BLOCK, nested_dtype: 'float32', nested_offset: offset };
  const padding = ' '.repeat(OFFSET_LENGTH - String(offset).length);
  return JSON.stringify({ ...state, ...nested }) + padding;
}
