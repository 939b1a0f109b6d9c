import type { TensorInfo } from '../checkpoint/checkpoint.js';
import { activationRounding } from '../quant/formats.js';
import type { Rounding } from '../quant/rounding.js';

/** How the layers' products take their activations: as the checkpoint says of each matrix, all rounded alike, or as floats. */
export type ActivationOption = Rounding | 'stored' | null;

/** @param quantization value of `--quantization`; null takes a checkpoint as it is */
export function activationOption(quantization: string | null, outlierThreshold?: number): ActivationOption {
  return quantization === null ? 'stored' : activationRounding(quantization, outlierThreshold);
}

/** Of a product of one matrix. */
export function roundingOf(info: TensorInfo | undefined, option: ActivationOption): Rounding | null {
  return option === 'stored' ? (info?.rounding ?? null) : option;
}

/**
 * Of a product of several matrices that share their activations: the widest of static scales; by tokens where only some are static; floats where some
 * matrix takes these.
 */
export function sharedRounding(roundings: readonly (Rounding | null)[]): Rounding | null {
  const [first = null] = roundings;
  if (first === null || roundings.includes(null)) return null;
  const given = roundings.flatMap((rounding) => rounding ?? []);
  const scales = given.map(({ scale }) => scale);
  const numbers = scales.filter((scale) => typeof scale === 'number');
  if (numbers.length === scales.length) return { ...first, scale: Math.max(...numbers) };
  return scales.every((scale) => scale === first.scale) ? first : { ...first, scale: 'token' };
}

/** Whether some product rounds its activations. */
export function roundsActivations(
  { tensors }: { readonly tensors: ReadonlyMap<string, TensorInfo> },
  option: ActivationOption,
): boolean {
  if (option !== 'stored') return option !== null;
  return [...tensors.values()].some(({ rounding }) => rounding !== undefined);
}
