import { groupsPerRow, type PackedWeight } from '../../quant/weight.js';
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
import { type FileFormat, type MatrixSpec, withData } from './format.js';

const BITS: readonly number[] = [2, 3, 4, 8];

/**
 * GPTQ's layout. Symmetric models are written in its first version, whose zero points are stored less one and which every reader knows; others
 * in the second, since a zero point of 0 has no place in the first.
 */
export const gptq: FileFormat = {
  name: 'gptq',
  scaleType: 'f16',
  byOutputs: true,
  mixesGroups: true,
  problem,
  tensors,
  pack: (spec, weight, groupIndex) =>
    withData(tensors(spec), [
      packedCodes(spec, weight),
      packedZeros(spec, weight),
      transposedElements(scaleElements(weight), groupsPerRow(spec.format, spec.cols)),
      groupElements(weight, groupIndex),
    ]),
  config,
};

function problem({ rows, cols, format, activations }: MatrixSpec): string | null {
  const { bits, reader } = format;
  if (!reader.startsWith('int') || !BITS.includes(bits))
    return `gptq holds integers of ${BITS.join(', ')} bits`;
  if (activations !== 'float') return 'gptq leaves activations as they are';
  if ((cols * bits) % 32 !== 0) return `${cols} inputs of ${bits} bits fill no whole words`;
  return (rows * bits) % 32 === 0 ? null : `${rows} outputs of ${bits} bits fill no whole words`;
}

function packingOf({ bits }: MatrixSpec['format']): CodePacking {
  return { bits, perWord: 32 % bits === 0 ? 32 / bits : null };
}

/** qweight `[K·bits/32, N]`, qzeros `[G, N·bits/32]`, scales `[G, N]`, g_idx `[K]`. */
function tensors({ module, rows, cols, format }: MatrixSpec): TensorSpec[] {
  const groups = groupsPerRow(format, cols);
  return [
    { name: `${module}.qweight`, dtype: 'I32', shape: [(cols * format.bits) / 32, rows] },
    { name: `${module}.qzeros`, dtype: 'I32', shape: [groups, (rows * format.bits) / 32] },
    { name: `${module}.scales`, dtype: 'F16', shape: [groups, rows] },
    { name: `${module}.g_idx`, dtype: 'I32', shape: [cols] },
  ];
}

function packedCodes({ rows, cols, format }: MatrixSpec, weight: PackedWeight): Uint32Array {
  const perRow = (cols * format.bits) / 32;
  const words = new Uint32Array(rows * perRow);
  if (isStream(weight)) {
    for (let n = 0, at = 0; n < rows; n++) {
      for (let w = 0; w < perRow; w++) words[w * rows + n] = weight.codes[at++];
    }
    return words;
  }
  const row = new Uint8Array(cols);
  for (let n = 0; n < rows; n++) {
    readCodes(weight, n, row);
    packLine({ words, start: n, stride: rows }, packingOf(format), row);
  }
  return words;
}

function packedZeros({ rows, cols, format }: MatrixSpec, weight: PackedWeight): Uint32Array {
  const packing = packingOf(format);
  const groups = groupsPerRow(format, cols);
  const perGroup = packedWords(rows, packing);
  const words = new Uint32Array(groups * perGroup);
  const lessOne = format.zeroPoints ? 0 : 1;
  const zeros = transposedElements(zeroElements(weight), groups).map((zero) => zero - lessOne);
  for (let g = 0; g < groups; g++) {
    packLine({ words, start: g * perGroup, stride: 1 }, packing, zeros.subarray(g * rows, (g + 1) * rows));
  }
  return words;
}

/** What most modules have stands at the top; `dynamic` tells of those with other groups, and of those that stay floats. */
function config(matrices: readonly MatrixSpec[], kept: readonly string[]): object {
  const usual = mostFrequent(matrices.map(keysOf));
  const dynamic: [string, object][] = kept.map((module) => [`-:${pattern(module)}`, {}]);
  for (const spec of matrices) {
    const keys = keysOf(spec);
    if (JSON.stringify(keys) !== JSON.stringify(usual)) dynamic.push([`+:${pattern(spec.module)}`, keys]);
  }
  return {
    quant_method: 'gptq',
    ...usual,
    checkpoint_format: usual.sym ? 'gptq' : 'gptq_v2',
    lm_head: false,
    dynamic: Object.fromEntries(dynamic),
  };
}

function keysOf({ format, actOrder }: MatrixSpec) {
  return {
    bits: format.bits,
    group_size: format.groupSize ?? -1,
    desc_act: actOrder,
    sym: !format.zeroPoints,
  };
}

function mostFrequent<T>(values: readonly T[]): T {
  const counts = new Map<string, { value: T; count: number }>();
  for (const value of values) {
    const key = JSON.stringify(value);
    counts.set(key, { value, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].reduce((best, next) => (next.count > best.count ? next : best)).value;
}

/** A regular expression that matches this path alone. */
function pattern(module: string): string {
  return `${module.replaceAll('.', '\\.')}$`;
}
