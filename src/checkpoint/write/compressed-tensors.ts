import type { PackedWeight } from '../../quant/weight.js';
import { groupsPerRow } from '../../quant/weight.js';
import { type CodePacking, packedWords, packLine } from '../quantized/packing.js';
import type { TensorSpec } from '../safetensors-layout.js';
import {
  groupElements,
  isStream,
  readCodes,
  scaleElements,
  transposedElements,
  zeroElements,
} from './codes.js';
import { type ActivationSteps, type FileFormat, type MatrixSpec, withData } from './format.js';

/** Codes of 2–8 bits in words, or bytes where activations are INT8 too. The library's own writer leaves the bits of a word that hold no whole code. */
export const compressedTensors: FileFormat = {
  name: 'compressed-tensors',
  scaleType: null,
  byOutputs: false,
  mixesGroups: true,
  holdsTables: true,
  holdsTensorScales: true,
  problem: ({ format }) => (format.reader.startsWith('int') ? null : 'compressed-tensors holds integers'),
  tensors: (spec) => (isBytes(spec) ? byteTensors(spec) : packedTensors(spec)),
  pack: (spec, weight, groupIndex, steps = null) =>
    isBytes(spec)
      ? withData(byteTensors(spec), [signedCodes(weight), scalesOf(spec, weight), ...stepsOf(spec, steps)])
      : withData(packedTensors(spec), packedElements(spec, weight, groupIndex)),
  config,
};

function isBytes({ activations }: MatrixSpec): boolean {
  return activations !== 'float';
}

function byteTensors(spec: MatrixSpec): TensorSpec[] {
  const { module, rows, cols } = spec;
  return [
    { name: `${module}.weight`, dtype: 'I8', shape: [rows, cols] },
    scaleTensor(spec),
    ...staticSides(spec).map(
      (side) => ({ name: `${module}.${side}_scale`, dtype: 'F32', shape: [1] }) as const,
    ),
  ];
}

function staticSides({ activations }: MatrixSpec): ('input' | 'output')[] {
  if (activations === 'integer') return ['input', 'output'];
  return activations === 'static' ? ['input'] : [];
}

function stepsOf(spec: MatrixSpec, steps: ActivationSteps | null): Float32Array[] {
  return staticSides(spec).map((side) => {
    const step = steps?.[side];
    if (step === undefined) throw new RangeError(`${spec.module}: no static scale of its ${side}s`);
    return Float32Array.of(step);
  });
}

function scaleTensor({ module, rows, cols, format, tensorScale }: MatrixSpec): TensorSpec {
  const shape = tensorScale === true ? [1] : [rows, groupsPerRow(format, cols)];
  return { name: `${module}.weight_scale`, dtype: format.scaleType === 'f16' ? 'F16' : 'F32', shape };
}

function scalesOf({ tensorScale }: MatrixSpec, weight: PackedWeight): Uint16Array | Float32Array {
  const scales = scaleElements(weight);
  return tensorScale === true ? scales.slice(0, 1) : scales;
}

function packingOf({ format }: MatrixSpec): CodePacking {
  return { bits: format.bits, perWord: Math.floor(32 / format.bits) };
}

/** Zero points are packed along the rows. */
function packedTensors(spec: MatrixSpec): TensorSpec[] {
  const { module, rows, cols, format, actOrder } = spec;
  const packing = packingOf(spec);
  const groups = groupsPerRow(format, cols);
  const zeroShape = [packedWords(rows, packing), groups];
  return [
    { name: `${module}.weight_packed`, dtype: 'I32', shape: [rows, packedWords(cols, packing)] },
    scaleTensor(spec),
    { name: `${module}.weight_shape`, dtype: 'I64', shape: [2] },
    ...(format.zeroPoints
      ? [{ name: `${module}.weight_zero_point`, dtype: 'I32', shape: zeroShape } as const]
      : []),
    ...(actOrder ? [{ name: `${module}.weight_g_idx`, dtype: 'I32', shape: [cols] } as const] : []),
  ];
}

function packedElements(
  spec: MatrixSpec,
  weight: PackedWeight,
  groupIndex: Uint32Array | null,
): ArrayBufferView[] {
  const { rows, cols, format, actOrder } = spec;
  return [
    packedCodes(spec, weight),
    scalesOf(spec, weight),
    BigInt64Array.of(BigInt(rows), BigInt(cols)),
    ...(format.zeroPoints ? [packedZeros(spec, weight)] : []),
    ...(actOrder ? [groupElements(weight, groupIndex)] : []),
  ];
}

function packedCodes(spec: MatrixSpec, weight: PackedWeight): Uint32Array {
  if (isStream(weight)) return weight.codes;
  const packing = packingOf(spec);
  const perRow = packedWords(spec.cols, packing);
  const words = new Uint32Array(spec.rows * perRow);
  const row = new Uint8Array(spec.cols);
  for (let n = 0; n < spec.rows; n++) {
    readCodes(weight, n, row);
    packLine({ words, start: n * perRow, stride: 1 }, packing, row);
  }
  return words;
}

/** `[words][groups]` */
function packedZeros(spec: MatrixSpec, weight: PackedWeight): Uint32Array {
  const packing = packingOf(spec);
  const groups = groupsPerRow(spec.format, spec.cols);
  const words = new Uint32Array(packedWords(spec.rows, packing) * groups);
  const zeros = transposedElements(zeroElements(weight), groups);
  for (let g = 0; g < groups; g++) {
    const column = zeros.subarray(g * spec.rows, (g + 1) * spec.rows);
    packLine({ words, start: g, stride: groups }, packing, column);
  }
  return words;
}

/** i8 `[rows][cols]` of code − 2^(bits − 1). */
function signedCodes(weight: PackedWeight): Int8Array {
  const { rows, cols, format } = weight;
  const codes = new Uint8Array(rows * cols);
  for (let n = 0; n < rows; n++) readCodes(weight, n, codes.subarray(n * cols, (n + 1) * cols));
  return Int8Array.from(codes, (code) => code - 2 ** (format.bits - 1));
}

/** The most frequent scheme is that of every linear module; others name theirs. */
function config(matrices: readonly MatrixSpec[], kept: readonly string[]): object {
  const schemes = new Map<string, MatrixSpec[]>();
  for (const spec of matrices) {
    const key = JSON.stringify(groupConfig(spec, []));
    schemes.set(key, [...(schemes.get(key) ?? []), spec]);
  }
  const bySize = [...schemes.values()].sort((a, b) => b.length - a.length);
  const groups = bySize.map((specs, i) => [
    `group_${i}`,
    groupConfig(specs[0], i === 0 ? ['Linear', ...namesOf(specs.filter(isTable))] : namesOf(specs)),
  ]);
  const formats = new Set(matrices.map(fileFormatOf));
  return {
    quant_method: 'compressed-tensors',
    format: formats.size > 1 ? 'mixed-precision' : [...formats][0],
    quantization_status: 'compressed',
    config_groups: Object.fromEntries(groups),
    ignore: kept,
  };
}

function namesOf(specs: readonly MatrixSpec[]): string[] {
  return specs.map(({ module }) => module);
}

/** Not of the class `Linear`. */
function isTable(spec: MatrixSpec): boolean {
  return spec.isTable === true;
}

function fileFormatOf(spec: MatrixSpec): string {
  return isBytes(spec) ? 'int-quantized' : 'pack-quantized';
}

function strategyOf({ format, tensorScale }: MatrixSpec): string {
  if (tensorScale === true) return 'tensor';
  return format.groupSize === null ? 'channel' : 'group';
}

function groupConfig(spec: MatrixSpec, targets: readonly string[]): object {
  const { bits, groupSize, zeroPoints } = spec.format;
  return {
    targets,
    format: fileFormatOf(spec),
    weights: {
      num_bits: bits,
      type: 'int',
      symmetric: !zeroPoints,
      strategy: strategyOf(spec),
      group_size: groupSize,
      actorder: spec.actOrder ? 'group' : null,
      dynamic: false,
    },
    input_activations: activationConfig(spec, 'input'),
    output_activations: activationConfig(spec, 'output'),
  };
}

function activationConfig(spec: MatrixSpec, side: 'input' | 'output'): object | null {
  const int8 = { num_bits: 8, type: 'int', symmetric: true };
  if (staticSides(spec).includes(side)) return { ...int8, strategy: 'tensor', dynamic: false };
  if (side === 'output' || spec.activations === 'float') return null;
  return { ...int8, strategy: 'token', dynamic: true };
}
