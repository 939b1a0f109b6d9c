import type { Activation } from '../ops/ops.js';

/** ACTIVATION of `shaders/lib/activation.wgsl`. */
const CODES = { silu: 0, gelu: 1, gelu_tanh: 2, clamped_swish: 3 } as const satisfies Record<
  Activation,
  number
>;

/** The shader's default is silu, so that products with and without gates share a pipeline there. */
export function activationConstants(activation: Activation = 'silu'): Readonly<Record<string, number>> {
  return activation === 'silu' ? {} : { ACTIVATION: CODES[activation] };
}
