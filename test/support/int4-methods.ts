import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { awqTensors, type Coded, gptqTensors, packedTensors } from '../checkpoint/quantized/packers.js';

/** How a method writes a matrix of codes, and what config.json says of it. */
export interface QuantizedMethod {
  pack(module: string, coded: Coded): TensorData[];
  readonly config: object;
}

/** Columns that share a scale. */
export const GROUP = 32;

/** The methods that hold 4-bit codes with zero points. @param targets and @param ignore are those of compressed-tensors */
export function int4Methods(
  targets: readonly string[],
  ignore: readonly string[] = [],
): Readonly<Record<string, QuantizedMethod>> {
  const weights = { num_bits: 4, type: 'int', symmetric: false, strategy: 'group', group_size: GROUP };
  return {
    gptq: {
      pack: (module, coded) => gptqTensors(module, coded, 1),
      config: { quant_method: 'gptq', bits: 4, group_size: GROUP, sym: false },
    },
    awq: {
      pack: awqTensors,
      config: { quant_method: 'awq', bits: 4, group_size: GROUP, zero_point: true, version: 'gemm' },
    },
    'compressed-tensors': {
      pack: (module, coded) => packedTensors(module, coded, false),
      config: {
        quant_method: 'compressed-tensors',
        format: 'pack-quantized',
        config_groups: { group_0: { targets, weights } },
        ignore,
      },
    },
  };
}
