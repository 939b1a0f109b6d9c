import type { FloatType } from '../../quant/formats.js';
import { TABLES } from '../../quant/tables.js';
import type { PackedWeight } from '../../quant/weight.js';
import type { TensorSpec } from '../safetensors-layout.js';
import { scaleElements } from './codes.js';
import { type FileFormat, type MatrixSpec, withData } from './format.js';

const BLOCK_SIZE = 64;
const TORCH_TYPES: Readonly<Record<FloatType, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' };

/** bitsandbytes' NF4 in blocks of 64, with scales in f32. */
export const bitsandbytes: FileFormat = {
  name: 'bitsandbytes',
  scaleType: null,
  byOutputs: true,
  mixesGroups: false,
  problem,
  tensors,
  pack: (spec, weight) =>
    withData(tensors(spec), [
      packedBytes(weight),
      scaleElements(weight),
      TABLES.nf4,
      new TextEncoder().encode(stateOf(spec)),
    ]),
  config: (matrices, kept) => ({
    quant_method: 'bitsandbytes',
    load_in_4bit: true,
    load_in_8bit: false,
    bnb_4bit_quant_type: 'nf4',
    bnb_4bit_use_double_quant: false,
    bnb_4bit_compute_dtype: TORCH_TYPES[matrices[0].floatType],
    bnb_4bit_quant_storage: 'uint8',
    llm_int8_skip_modules: kept,
  }),
};

function problem({ cols, format }: MatrixSpec): string | null {
  if (format.table !== 'nf4' || format.groupSize !== BLOCK_SIZE)
    return 'bitsandbytes holds NF4 in blocks of 64';
  return cols % BLOCK_SIZE === 0 ? null : `${cols} inputs are no whole blocks of ${BLOCK_SIZE}`;
}

/** weight u8 `[N·K/2, 1]`, absmax `[N·K/64]`, quant_map `[16]`, and the state as JSON. */
function tensors(spec: MatrixSpec): TensorSpec[] {
  const { module, rows, cols } = spec;
  const weight = `${module}.weight`;
  return [
    { name: weight, dtype: 'U8', shape: [(rows * cols) / 2, 1] },
    { name: `${weight}.absmax`, dtype: 'F32', shape: [(rows * cols) / BLOCK_SIZE] },
    { name: `${weight}.quant_map`, dtype: 'F32', shape: [TABLES.nf4.length] },
    { name: `${weight}.quant_state.bitsandbytes__nf4`, dtype: 'U8', shape: [stateOf(spec).length] },
  ];
}

/** ASCII. */
function stateOf({ rows, cols, floatType }: MatrixSpec): string {
  const dtype = TORCH_TYPES[floatType];
  return JSON.stringify({ quant_type: 'nf4', blocksize: BLOCK_SIZE, dtype, shape: [rows, cols] });
}

/** The first of two codes in the high nibble. */
function packedBytes({ codes }: PackedWeight): Uint32Array {
  return codes.map((word) => ((word & 0x0f0f0f0f) << 4) | ((word >>> 4) & 0x0f0f0f0f));
}
