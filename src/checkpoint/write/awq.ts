import { groupsPerRow, type PackedWeight } from '../../quant/weight.js';
import { PER_WORD, SHIFTS } from '../quantized/awq.js';
import type { TensorSpec } from '../safetensors-layout.js';
import { readCodes, scaleElements, transposedElements, zeroElements } from './codes.js';
import { type FileFormat, type MatrixSpec, withData } from './format.js';

/** AWQ's `gemm` layout, 4 bits with zero points. All matrices have groups of one size: there is no place for others. */
export const awq: FileFormat = {
  name: 'awq',
  scaleType: 'f16',
  byOutputs: true,
  mixesGroups: false,
  problem,
  tensors,
  pack: (spec, weight) => {
    const groups = groupsPerRow(spec.format, spec.cols);
    return withData(tensors(spec), [
      packedCodes(weight),
      packedColumns(transposedElements(zeroElements(weight), groups)),
      transposedElements(scaleElements(weight), groups),
    ]);
  },
  config: (matrices, kept) => ({
    quant_method: 'awq',
    bits: 4,
    group_size: matrices[0].format.groupSize ?? -1,
    zero_point: true,
    version: 'gemm',
    modules_to_not_convert: kept,
  }),
};

function problem({ rows, format, activations, actOrder }: MatrixSpec): string | null {
  if (format.reader !== 'int4' || activations !== 'float') return 'awq holds integers of 4 bits';
  if (!format.zeroPoints) return 'awq has zero points: take a scheme that ends with -asym';
  if (actOrder) return 'awq has its groups in order';
  return rows % PER_WORD === 0 ? null : `${rows} outputs are no multiple of ${PER_WORD}`;
}

/** qweight `[K, N/8]`, qzeros `[G, N/8]`, scales `[G, N]`. */
function tensors({ module, rows, cols, format }: MatrixSpec): TensorSpec[] {
  const groups = groupsPerRow(format, cols);
  return [
    { name: `${module}.qweight`, dtype: 'I32', shape: [cols, rows / PER_WORD] },
    { name: `${module}.qzeros`, dtype: 'I32', shape: [groups, rows / PER_WORD] },
    { name: `${module}.scales`, dtype: 'F16', shape: [groups, rows] },
  ];
}

function packedCodes(weight: PackedWeight): Uint32Array {
  const { rows, cols } = weight;
  const perRow = rows / PER_WORD;
  const words = new Uint32Array(cols * perRow);
  const row = new Uint8Array(cols);
  for (let n = 0; n < rows; n++) {
    readCodes(weight, n, row);
    const shift = SHIFTS[n % PER_WORD];
    for (let k = 0, at = Math.floor(n / PER_WORD); k < cols; k++, at += perRow) words[at] |= row[k] << shift;
  }
  return words;
}

/** Eight values of 4 bits to a word. */
function packedColumns(values: Uint8Array): Uint32Array {
  const words = new Uint32Array(values.length / PER_WORD);
  for (let i = 0; i < values.length; i++)
    words[Math.floor(i / PER_WORD)] |= values[i] << SHIFTS[i % PER_WORD];
  return words;
}
